"""Training: a paper's experiments, fold by fold, some folds a job (`training.folds_per_job`).

Needs the index and the preprocessed arrays of the experiment's clips. Makes ``results/folds/<paper>/<experiment>/<fold>/`` with
predictions, history and model. Each batch of folds has a rule, so that every file is declared; the experiments that
run the same folds share it.
"""

for batch in plan.batches:
    if batch.input in ("videos", "sequences", "difference"):
        continue

    rule:
        """Train and test some folds of an experiment."""
        name:
            batch.name
        input:
            index=f"results/index/{batch.index}.parquet",
            arrays=batch.arrays,
            tables=plan.beside(batch.arrays),
        output:
            predictions=batch.files("predictions.parquet"),
            history=batch.files("history.parquet"),
            models=batch.files("model.pt"),
            features=batch.files("features.npy") if batch.keep_features else [],
            record=f"results/records/train/{batch.paper}/{{experiment}}/{batch.number}.json",
        log:
            f"results/logs/train/{batch.paper}/{{experiment}}/{batch.number}.log",
        benchmark:
            f"results/benchmarks/train/{batch.paper}/{{experiment}}/{batch.number}.tsv"
        wildcard_constraints:
            experiment="|".join(batch.experiments),
            fold="|".join(batch.choices),
        priority: batch.priority
        conda:
            "../../envs/mexflow.yaml"
        threads: plan.config.training.threads
        resources:
            mem_mb=growing(6000),
            runtime=growing(1440),
            gpu=plan.gpus,
            attempt=attempt,
            # Here, and not among the params: another value changes no result, so it must not train anything again.
            checkpoint_seconds=plan.config.training.checkpoint_seconds,
        params:
            rule=batch.name,
            paper=batch.paper,
            folds=flags("fold", batch.folds),
            arrays=flags("array", batch.arrays),
            science=lambda wildcards, paper=batch.paper: plan.training_flags(paper, wildcards.experiment),
            device=plan.config.training.device,
            code=lambda wildcards, paper=batch.paper: plan.training_code("train", paper, wildcards.experiment),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow train"
            " --paper {params.paper} --experiment {wildcards.experiment} {params.folds}"
            " --index {input.index} {params.arrays} {params.science} --threads {threads} --device {params.device}"
            " --checkpoints results/checkpoints/{params.paper}/{wildcards.experiment}"
            " --checkpoint-seconds {resources.checkpoint_seconds}"
            " --output results/folds/{params.paper}/{wildcards.experiment} --record {output.record} > {log} 2>&1"
