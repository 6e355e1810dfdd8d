"""Inspection: what was made of the datasets, to look at and to check, before anything is trained.

Needs the indexes and the preprocessed arrays of some subjects. Makes a contact sheet of each dataset,
``results/figures/datasets/<dataset>.png``, the figure of LCN, ``lcn.png`` beside it, and, where data are embedded,
``results/tables/preprocessing.parquet``, ``.csv`` and ``.md``: faces and flow held against the renderer's truth.
``results/tables/coverage.*``, where it is asked for, needs none of these.
"""


rule sheet:
    """The contact sheet of a dataset."""
    input:
        index="results/index/{dataset}.parquet",
        videos="results/index/{dataset}.videos.parquet",
        faces=lambda wildcards: plan.sheets.files(wildcards.dataset, "faces"),
        lcn=lambda wildcards: plan.sheets.files(wildcards.dataset, "lcn"),
        flow=lambda wildcards: plan.sheets.files(wildcards.dataset, plan.sheets.flow),
        residual=lambda wildcards: plan.sheets.residuals(wildcards.dataset),
        tables=lambda wildcards: plan.beside(plan.sheets.arrays(wildcards.dataset)),
        truth=lambda wildcards: plan.sheets.truth(wildcards.dataset),
    output:
        png=report("results/figures/datasets/{dataset}.png", caption="../report/sheet.rst", category="datasets"),
        record="results/records/sheet/{dataset}.json",
    log:
        "results/logs/sheet/{dataset}.log",
    benchmark:
        "results/benchmarks/sheet/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(plan.sources.listed),
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
        attempt=attempt,
    params:
        rule="sheet",
        root=lambda wildcards: plan.sources.root(wildcards.dataset),
        data=lambda wildcards: plan.sources.data(wildcards.dataset),
        flags=lambda wildcards: plan.sheets.flags(wildcards.dataset),
        code=lambda wildcards: plan.code("sheet", *plan.sources.adapter_modules(wildcards.dataset)),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow sheet"
        " --dataset {wildcards.dataset} --root {params.root:q} --results results {params.flags}"
        " --data {params.data:q} --output {output.png} --record {output.record} > {log} 2>&1"


if plan.sheets.face:

    rule lcnfigure:
        """What LCN makes of changed brightness and contrast."""
        input:
            faces=plan.sheets.face[1],
            table=plan.beside([plan.sheets.face[1]]),
        output:
            png=report("results/figures/datasets/lcn.png", caption="../report/sheet.rst", category="datasets"),
            record="results/records/lcnfigure.json",
        log:
            "results/logs/lcnfigure.log",
        benchmark:
            "results/benchmarks/lcnfigure.tsv"
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(10),
            attempt=attempt,
        params:
            rule="lcnfigure",
            sigma=plan.config.preprocess.lcn.sigma,
            data=plan.sources.data(plan.sheets.face[0]),
            code=plan.code("lcnfigure"),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow lcnfigure"
            " --faces {input.faces} --sigma {params.sigma} --data {params.data:q} --output {output.png}"
            " --record {output.record} > {log} 2>&1"


rule quality:
    """Faces and flow of the embedded datasets against the renderer's truth."""
    input:
        indexes=[f"results/index/{dataset}.parquet" for dataset in plan.checked],
        videos=[f"results/index/{dataset}.videos.parquet" for dataset in plan.checked],
        faces=[path for arrays in plan.checked.values() for path in arrays],
        tables=plan.beside([path for arrays in plan.checked.values() for path in arrays]),
    output:
        parquet="results/tables/preprocessing.parquet",
        csv=report("results/tables/preprocessing.csv", caption="../report/check.rst", category="datasets"),
        markdown="results/tables/preprocessing.md",
        record="results/records/quality.json",
    log:
        "results/logs/quality.log",
    benchmark:
        "results/benchmarks/quality.tsv"
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
        attempt=attempt,
    params:
        rule="quality",
        datasets=flags("dataset", plan.checked),
        size=plan.config.embedded.size,
        seed=plan.config.embedded.seed,
        intervals=plan.config.intervals,
        code=plan.quality_code(),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow quality"
        " {params.datasets} --size {params.size} --seed {params.seed} --intervals {params.intervals}"
        " --results results --output results/tables/preprocessing --record {output.record} > {log} 2>&1"


rule coverage:
    """How often the intervals of the tables hold the true value, simulated; of no data, made where it is asked for."""
    output:
        parquet="results/tables/coverage.parquet",
        csv="results/tables/coverage.csv",
        markdown="results/tables/coverage.md",
        record="results/records/coverage.json",
    log:
        "results/logs/coverage.log",
    benchmark:
        "results/benchmarks/coverage.tsv"
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
        attempt=attempt,
    params:
        rule="coverage",
        seed=plan.config.seed,
        code=plan.coverage_code(),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow coverage"
        " --seed {params.seed} --output results/tables/coverage --record {output.record} > {log} 2>&1"
