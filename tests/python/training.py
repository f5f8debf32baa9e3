"""Real models on real data: scikit-learn's breast cancer set, and three logistic regressions of different worth."""

from dataclasses import dataclass

import mlflow
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 7


@dataclass(frozen=True)
class Candidate:
    name: str
    features: tuple[str, ...]
    inverse_regularisation: float


CANDIDATES = (
    # Says nearly nothing about the diagnosis: AUC about 0.5.
    Candidate("weak", ("mean fractal dimension",), 1.0),
    Candidate("strong", ("mean radius", "mean texture", "mean smoothness", "mean concavity"), 1.0),
    Candidate("stronger", ("worst radius", "worst texture", "worst smoothness", "worst concave points"), 10.0),
)

CARD = """\
## Intended use

Ranks biopsies by the probability that a tumour is malignant, so that a pathologist sees the urgent ones first.
It does not diagnose and must not be used without a second reading.

## Training data

Breast Cancer Wisconsin (Diagnostic), 569 cases, 30 measurements of cell nuclei each; the features used here
are: {features}. Three quarters of the cases were used for training, stratified by diagnosis.

## Evaluation

Area under the ROC curve on the held-out quarter: {auc:.4f}; accuracy {accuracy:.4f}.

## Limitations

One hospital, one decade, women only. Nothing is known about its behaviour on images from other microscopes.

## Owner

ana
"""


def train_and_register(client: MlflowClient, model: str, candidate: Candidate) -> dict:
    data = load_breast_cancer(as_frame=True)
    features, target = data.data[list(candidate.features)], data.target
    train_x, test_x, train_y, test_y = train_test_split(
        features, target, test_size=0.25, random_state=SEED, stratify=target
    )
    with mlflow.start_run(run_name=candidate.name) as run:
        fitted = make_pipeline(
            StandardScaler(), LogisticRegression(C=candidate.inverse_regularisation, random_state=SEED)
        ).fit(train_x, train_y)
        mlflow.log_params(
            {"C": candidate.inverse_regularisation, "features": len(candidate.features), "seed": SEED}
        )
        info = mlflow.sklearn.log_model(
            fitted,
            name="model",
            signature=infer_signature(train_x, fitted.predict(train_x)),
            input_example=train_x.head(2),
        )
        held_out = mlflow.data.from_pandas(
            test_x.assign(target=test_y), name="breast-cancer-held-out", targets="target"
        )
        mlflow.log_input(held_out, context="evaluation")
        measured = evaluate(fitted, test_x, test_y)
        mlflow.log_metrics(measured, model_id=info.model_id, dataset=held_out)
    registered = mlflow.register_model(info.model_uri, model, tags={"owner": "ana"})
    card = CARD.format(features=", ".join(candidate.features), **measured)
    client.update_model_version(model, registered.version, description=card)
    return {
        "name": candidate.name,
        "version": str(registered.version),
        "run_id": run.info.run_id,
        "model_id": info.model_id,
        "source": registered.source,
        "metrics": measured,
    }


def evaluate(fitted, test_x, test_y) -> dict:
    probability = fitted.predict_proba(test_x)[:, 1]
    return {
        "auc": float(roc_auc_score(test_y, probability)),
        "accuracy": float(accuracy_score(test_y, probability > 0.5)),
        "log_loss": float(log_loss(test_y, probability)),
    }


def predict(fitted, rows: int) -> list:
    columns = list(fitted.feature_names_in_)
    return [int(label) for label in fitted.predict(load_breast_cancer(as_frame=True).data[columns].head(rows))]
