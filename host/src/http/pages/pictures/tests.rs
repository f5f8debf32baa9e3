use countersign_core::time::Millis;

use super::*;

fn bars(unit: Unit) -> Bars {
    let series =
        |words: &str, ink, values: &[f64]| Series { words: words.to_owned(), ink, values: values.to_vec() };
    Bars {
        title: "Things & <others>".to_owned(),
        description: "What they are.".to_owned(),
        id: "things",
        labels: vec!["2026-11-16".to_owned(), "<b>".to_owned()],
        series: vec![series("good", Ink::Good, &[3.0, 0.0]), series("bad", Ink::Bad, &[1.0, 2.0])],
        unit,
        none: "0",
        band: Some(Band { row: 1, from: 0.5, until: 1.5, words: "usual".to_owned() }),
    }
}

#[test]
fn a_picture_says_what_it_is_and_has_a_mark_for_each_value_that_is_not_nothing() {
    let drawn = [columns(&bars(Unit::Count)), lanes(&bars(Unit::Count))];
    for (nth, drawn) in drawn.iter().flat_map(|drawn| drawn.split_inclusive("</svg>")).enumerate() {
        let (class, width, id) = [("wide", 560, "things"), ("narrow", 320, "things-n")][nth % 2];
        assert!(drawn.starts_with(&format!("<svg class=\"plot {class}\"")), "{drawn}");
        assert!(drawn.contains(&format!(" viewBox=\"0 0 {width} ")), "{drawn}");
        assert!(drawn.contains(&format!("role=\"img\" aria-labelledby=\"{id}-t {id}-d\"")), "{drawn}");
        let title = format!("<title id=\"{id}-t\">Things &#38; &#60;others&#62;</title>");
        assert!(drawn.contains(&title), "{drawn}");
        // What is usual stands only where bars lie.
        assert_eq!(drawn.matches("<rect class=\"ink-band\"").count(), nth / 2, "{drawn}");
        assert_eq!(drawn.matches("<rect class=\"ink-good\"").count(), 1);
        assert_eq!(drawn.matches("<rect class=\"ink-bad\"").count(), 2);
        assert!(drawn.contains("<title>2026-11-16: good 3</title>"));
        for refused in ["style=", "#0", "rgb", "<b>", "NaN"] {
            assert!(!drawn.contains(refused), "{refused} is in {drawn}");
        }
    }
}

#[test]
fn nothing_at_all_can_be_drawn() {
    let empty = Bars { labels: Vec::new(), series: Vec::new(), ..bars(Unit::Time) };
    for drawn in [columns(&empty), lanes(&empty)] {
        assert!(drawn.contains("</svg>") && !drawn.contains("NaN"), "{drawn}");
    }
    assert_eq!(strips("s", "t", "d", &[], Millis::new(1)), "");
}

#[test]
fn values_are_said_as_people_say_them() {
    let check = |unit: Unit, value: f64, expect: &str| assert_eq!(unit.say(value), expect, "{value}");
    check(Unit::Count, 12.0, "12");
    check(Unit::Share, 0.874, "87 %");
    check(Unit::Time, 250.0, "250 ms");
    check(Unit::Time, 90_000.0, "1.5 min");
    check(Unit::Time, 12.6 * 3_600_000.0, "13 h");
    check(Unit::Time, 3.0 * 86_400_000.0, "3.0 d");
}

#[test]
fn strips_are_links_in_the_order_of_time() {
    let strip = |from, until| Strip {
        from: Millis::new(from),
        until: Millis::new(until),
        ink: Ink::Good,
        words: "version 7, <approved>".to_owned(),
        href: "/requests/1".to_owned(),
    };
    let lane = Lane {
        label: "champion v7".to_owned(),
        strips: vec![strip(0, 86_400_000), strip(90_000_000, 99_000_000)],
    };
    let drawn = strips("s", "Who held what", "d", &[lane], Millis::new(100_000_000));
    let drawn = drawn.split_inclusive("</svg>").next().unwrap();
    assert_eq!(
        drawn.matches("<a href=\"/requests/1\" aria-label=\"version 7, &#60;approved&#62;\">").count(),
        2
    );
    assert!(drawn.contains("role=\"group\"") && !drawn.contains("style="), "{drawn}");
    let lefts: Vec<i32> = drawn
        .split("<rect class=\"ink-good\" x=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .collect();
    assert!(lefts.is_sorted() && lefts.len() == 2, "{lefts:?}");
}
