"""Training: a paper's experiments, fold by fold, some folds a job (`training.folds_per_job`).

Needs the index and the preprocessed arrays of the experiment's clips or videos, and the files of weights that its
network starts from, if the configuration gives them. Makes
``results/folds/<paper>/<experiment>/<fold>/``, with the files of the experiment's kind of input: predictions, scores,
states, history and model. Each batch of folds has a rule, so that every file is declared; the experiments of one kind that
run the same folds share it.

A file of weights is checked before anything else is made, so that a wrong one does not come to light after a night of
preprocessing: ``results/records/weights/<name>.json``.

On request, the proposed networks are trained on all subjects too, for use: ``results/models/<paper>/<experiment>/``.
"""

if plan.weights.paths:

    rule weights:
        """See that a file of weights is what the configuration takes it for."""
        input:
            lambda wildcards: plan.weights.paths[wildcards.weights],
        output:
            record="results/records/weights/{weights}.json",
        log:
            "results/logs/weights/{weights}.log",
        benchmark:
            "results/benchmarks/weights/{weights}.tsv"
        wildcard_constraints:
            weights="|".join(plan.weights.paths),
        priority: PREPROCESSING + 1
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(1500),
            runtime=growing(10),
            attempt=attempt,
        params:
            rule="weights",
            version=lambda wildcards: plan.weights.version_of(wildcards.weights),
            code=lambda wildcards: plan.code("weights", *plan.weights.picks(wildcards.weights)),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow weights"
            " --name {wildcards.weights} --file {input:q} --record {output.record} > {log} 2>&1"


for batch in [*plan.batches, *plan.models.batches]:

    rule:
        """Train and test some folds of an experiment, or train on all subjects, for use."""
        name:
            batch.name
        input:
            index=f"results/index/{batch.index}.parquet",
            read=batch.inputs,
            weights=lambda wildcards, paper=batch.paper: plan.weights.files(plan.papers[paper], wildcards.experiment),
            # Not ancient(): Snakemake then does not see any more that the job's own params have changed.
            checked=lambda wildcards, paper=batch.paper: plan.weights.checked(plan.papers[paper], wildcards.experiment),
        output:
            folds=batch.files,
            record=f"results/records/train/{batch.paper}/{{experiment}}/{batch.number}.json",
        log:
            f"results/logs/train/{batch.paper}/{{experiment}}/{batch.number}.log",
        benchmark:
            f"results/benchmarks/train/{batch.paper}/{{experiment}}/{batch.number}.tsv"
        wildcard_constraints:
            experiment="|".join(batch.experiments),
            fold="|".join(batch.choices),
        priority: batch.kind.priority
        conda:
            "../../envs/mexflow.yaml"
        threads: plan.config.training.threads
        resources:
            mem_mb=growing(batch.kind.memory),
            runtime=growing(batch.kind.minutes),
            gpu=plan.gpus if batch.kind.gpu else 0,
            attempt=attempt,
            # Here, and not among the params: another value changes no result, so it must not train anything again.
            checkpoint_seconds=plan.config.training.checkpoint_seconds,
        params:
            rule=batch.name,
            folds=flags("fold", batch.folds),
            recipe=lambda wildcards, paper=batch.paper: plan.recipe(paper, wildcards.experiment),
            weights=lambda wildcards, paper=batch.paper: plan.weights.flags(plan.papers[paper], wildcards.experiment),
            version=lambda wildcards, paper=batch.paper: plan.weights.version(plan.papers[paper], wildcards.experiment),
            device=plan.config.training.device,
            code=lambda wildcards, paper=batch.paper: plan.training_code(paper, wildcards.experiment),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow train"
            " {params.folds} --results results --threads {threads} --device {params.device}"
            " --checkpoint-seconds {resources.checkpoint_seconds} {params.weights} --recipe {params.recipe:q}"
            " --record {output.record} > {log} 2>&1"
