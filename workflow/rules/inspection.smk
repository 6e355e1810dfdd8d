"""Inspection: what was made of the datasets, to look at and to check, before anything is trained.

Needs the indexes and the preprocessed arrays of some subjects. Makes a contact sheet of each dataset,
``results/figures/datasets/<dataset>.png``, the figure of LCN, ``lcn.png`` beside it, and, where data are embedded,
``results/tables/preprocessing.parquet``, ``.csv`` and ``.md``: faces and flow held against the renderer's truth.
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
        method=plan.sheets.flow.rpartition("/")[2],
        faces=lambda wildcards, input: flags("faces", input.faces),
        lcn=lambda wildcards, input: flags("lcn", input.lcn),
        flow=lambda wildcards, input: flags("flow", input.flow),
        residual=lambda wildcards, input: flags("residual", (f"{path.split('/')[2]}={path}" for path in input.residual)),
        truth=lambda wildcards, input: flags("truth", input.truth),
        code=plan.code("sheet"),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow sheet"
        " --dataset {wildcards.dataset} --root {params.root:q} --index {input.index} --videos {input.videos}"
        " {params.faces} {params.lcn} {params.flow} --flow-method {params.method} {params.residual} {params.truth}"
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
        code=plan.quality_code(),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow quality"
        " {params.datasets} --size {params.size} --seed {params.seed} --results results"
        " --output results/tables/preprocessing --record {output.record} > {log} 2>&1"
