"""Embedded datasets: raw frames and annotation files, rendered where no licensed copy is configured.

Needs nothing. Makes ``results/embedded/<dataset>/`` in the dataset's own layout, a job per subject, and the truth
of every frame in ``results/embedded/<dataset>/truth/<subject>.parquet``.
"""

from mexflow import embedded

for dataset in plan.embedded:

    rule:
        """Render the frames of one subject."""
        name:
            f"embed_{dataset}"
        output:
            frames=directory(plan.rendered(dataset, "{subject}")),
            truth=f"results/embedded/{dataset}/truth/{{subject}}.parquet",
            record=f"results/records/embed/{dataset}/{{subject}}.json",
        log:
            f"results/logs/embed/{dataset}/{{subject}}.log",
        benchmark:
            f"results/benchmarks/embed/{dataset}/{{subject}}.tsv"
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=1000,
            runtime=60,
            attempt=plan.attempt,
        params:
            rule=f"embed_{dataset}",
            dataset=dataset,
            size=plan.config.embedded.size,
            seed=plan.config.embedded.seed,
            code=plan.code("embed", embedded.LAYOUTS[dataset]),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow embed"
            " --dataset {params.dataset} --size {params.size} --seed {params.seed} --subject {wildcards.subject}"
            " --frames {output.frames} --truth {output.truth} --record {output.record} > {log} 2>&1"

    rule:
        """Write the annotation files."""
        name:
            f"embed_{dataset}_annotations"
        output:
            files=plan.raw[dataset].annotations,
            record=f"results/records/embed/{dataset}.json",
        log:
            f"results/logs/embed/{dataset}.log",
        benchmark:
            f"results/benchmarks/embed/{dataset}.tsv"
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=500,
            runtime=10,
            attempt=plan.attempt,
        params:
            rule=f"embed_{dataset}_annotations",
            dataset=dataset,
            size=plan.config.embedded.size,
            seed=plan.config.embedded.seed,
            files=flags("annotation", plan.raw[dataset].annotations),
            code=plan.code("embed", embedded.LAYOUTS[dataset]),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow embed"
            " --dataset {params.dataset} --size {params.size} --seed {params.seed} {params.files}"
            " --record {output.record} > {log} 2>&1"
