"""Embedded datasets: raw frames and annotation files, rendered where no licensed copy is configured.

Needs nothing. Makes ``results/embedded/<dataset>/`` in the dataset's own layout, a job per subject, and beside it the
truth of every frame, ``truth/<subject>.parquet``, and of every expression, ``truth/<subject>.expressions.parquet``.
"""

from mexflow import embedded

for dataset, subject in plan.sources.renderings:

    rule:
        """Render the frames of one subject."""
        name:
            f"embed_{dataset}_{subject}"
        output:
            frames=[directory(path) for path in plan.sources.rendered(dataset, subject)],
            truth=f"results/embedded/{dataset}/truth/{subject}.parquet",
            expressions=f"results/embedded/{dataset}/truth/{subject}.expressions.parquet",
            record=f"results/records/embed/{dataset}/{subject}.json",
        log:
            f"results/logs/embed/{dataset}/{subject}.log",
        benchmark:
            f"results/benchmarks/embed/{dataset}/{subject}.tsv"
        priority: PREPROCESSING
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule=f"embed_{dataset}_{subject}",
            dataset=dataset,
            subject=subject,
            size=plan.config.embedded.size,
            seed=plan.config.embedded.seed,
            code=plan.code("embed", *embedded.modules(dataset)),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow embed"
            " --dataset {params.dataset} --size {params.size} --seed {params.seed} --subject {params.subject}"
            " --output results/embedded/{params.dataset} --record {output.record} > {log} 2>&1"


for dataset, files in plan.sources.written.items():

    rule:
        """Write the annotation files."""
        name:
            f"embed_{dataset}_annotations"
        output:
            files=files,
            record=f"results/records/embed/{dataset}.json",
        log:
            f"results/logs/embed/{dataset}.log",
        benchmark:
            f"results/benchmarks/embed/{dataset}.tsv"
        priority: PREPROCESSING
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(500),
            runtime=growing(10),
            attempt=attempt,
        params:
            rule=f"embed_{dataset}_annotations",
            dataset=dataset,
            size=plan.config.embedded.size,
            seed=plan.config.embedded.seed,
            code=plan.code("embed", *embedded.modules(dataset)),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow embed"
            " --dataset {params.dataset} --size {params.size} --seed {params.seed}"
            " --output results/embedded/{params.dataset} --record {output.record} > {log} 2>&1"
