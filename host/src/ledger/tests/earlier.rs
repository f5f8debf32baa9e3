//! The ledger against what was known of it before.

use super::*;

#[tokio::test]
async fn a_ledger_goes_on_from_every_checkpoint_that_was_kept_and_from_no_other() {
    let ledger = ledger_of(0).await;
    let mut kept = String::new();
    for n in 0..20 {
        kept.push_str(&format!("{}\n", ledger.checkpoint().await.unwrap()));
        ledger.append(vec![draft(n)], Batch::new()).await.unwrap();
    }
    let export = exported(&ledger).await;
    let read = |notes: &str| export::verify_against(&mut &*export, None, Some(notes), &mut |_| {});
    assert_eq!(read(&kept).unwrap().entries, 20);
    assert_eq!(verify::store_against(&**ledger.store(), &kept, &mut |_| {}).unwrap().entries, 20);
    // Another history of the same key.
    let other = ledger_of(19).await;
    other.append(vec![draft(0)], Batch::new()).await.unwrap();
    let note = other.checkpoint().await.unwrap();
    let says = "the first 20 entries are not those";
    assert!(read(&note).unwrap_err().to_string().contains(says));
    let stored = verify::store_against(&**ledger.store(), &note, &mut |_| {});
    assert!(matches!(stored, Err(LedgerError::NotTheBeginning(error)) if error.to_string().contains(says)));
    ledger.append(vec![draft(20)], Batch::new()).await.unwrap();
    let later = ledger.checkpoint().await.unwrap();
    assert!(
        read(&later).unwrap_err().to_string().contains("has 20 entries, and a checkpoint of it signs 21")
    );
}

#[tokio::test]
async fn a_proof_leads_from_any_size_to_any_later_one() {
    let ledger = ledger_of(40).await;
    for (from, to) in [(0, 40), (1, 2), (7, 7), (16, 33), (39, 40)] {
        let proof = ledger.prove_between(from, to).unwrap();
        let path: Vec<Hash> = proof.path.iter().map(|digest| *digest.as_bytes()).collect();
        let (was, is) = (ledger.root_at(from).unwrap(), ledger.root_at(to).unwrap());
        assert!(proof::verify_consistency(from, &was, to, &is, &path), "{from} to {to}");
    }
    for (from, to) in [(8, 7), (0, 41)] {
        assert!(matches!(ledger.prove_between(from, to), Err(LedgerError::NoSuchSizes { .. })));
    }
}
