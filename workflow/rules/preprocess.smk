"""Preprocessing: aligned faces, LCN frames, motion, optical flow, residual sums, LBP-TOP features; a job per subject.

Needs the indexes and the raw frames. Makes ``results/faces/<dataset>/<subject>.npy``, with rows as in the faces' table
``results/lcn/<dataset>/<subject>.npy`` and ``results/motion/<name>/<dataset>/<subject>.npy``, and of clips
``results/flow/<name>/<dataset>/<subject>.npy``, ``results/residual/<name>/<dataset>/<subject>.npy`` and
``results/lbp_top/<name>/<dataset>/<subject>.npy``, each with its table beside it. Papers give the names.
"""

subject_group = scheduling.subject_group(workflow, plan.config.preprocess.subjects_per_job)


rule faces:
    """Find, track and align the face in every frame of a subject's annotated videos."""
    input:
        index="results/index/{dataset}.parquet",
        videos="results/index/{dataset}.videos.parquet",
    output:
        faces="results/faces/{dataset}/{subject}.npy",
        table="results/faces/{dataset}/{subject}.parquet",
        record="results/records/faces/{dataset}/{subject}.json",
    log:
        "results/logs/faces/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/faces/{dataset}/{subject}.tsv"
    priority: PREPROCESSING
    group:
        subject_group
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
        attempt=attempt,
    params:
        rule="faces",
        root=lambda wildcards: plan.sources.root(wildcards.dataset),
        dataset=lambda wildcards: plan.sources.faces_flags(wildcards.dataset),
        smoothing=plan.config.preprocess.faces.smoothing,
        max_missed=plan.config.preprocess.faces.max_missed,
        unreadable=plan.config.preprocess.faces.unreadable,
        code=plan.code("faces"),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow faces"
        " --dataset {wildcards.dataset} --subject {wildcards.subject} --root {params.root:q}"
        " --index {input.index} --videos {input.videos} --smoothing {params.smoothing}"
        " --max-missed {params.max_missed} --unreadable {params.unreadable} {params.dataset}"
        " --output {output.faces} --record {output.record} > {log} 2>&1"


rule lcn:
    """Local contrast normalisation of a subject's aligned faces."""
    input:
        faces="results/faces/{dataset}/{subject}.npy",
        table="results/faces/{dataset}/{subject}.parquet",
    output:
        lcn="results/lcn/{dataset}/{subject}.npy",
        record="results/records/lcn/{dataset}/{subject}.json",
    log:
        "results/logs/lcn/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/lcn/{dataset}/{subject}.tsv"
    priority: PREPROCESSING
    group:
        subject_group
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
        attempt=attempt,
    params:
        rule="lcn",
        sigma=plan.config.preprocess.lcn.sigma,
        code=plan.code("lcn"),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow lcn"
        " --dataset {wildcards.dataset} --subject {wildcards.subject} --faces {input.faces}"
        " --sigma {params.sigma} --output {output.lcn} --record {output.record} > {log} 2>&1"


rule flow:
    """Optical flow between the pairs of frames that the papers ask for."""
    input:
        index="results/index/{dataset}.parquet",
        faces="results/faces/{dataset}/{subject}.npy",
        table="results/faces/{dataset}/{subject}.parquet",
    output:
        flow="results/flow/{name}/{dataset}/{subject}.npy",
        table="results/flow/{name}/{dataset}/{subject}.parquet",
        record="results/records/flow/{name}/{dataset}/{subject}.json",
    log:
        "results/logs/flow/{name}/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/flow/{name}/{dataset}/{subject}.tsv"
    priority: PREPROCESSING
    group:
        subject_group
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
        attempt=attempt,
    params:
        rule="flow",
        method=lambda wildcards: plan.preprocessing.flows[wildcards.name].method,
        size=lambda wildcards: plan.preprocessing.flows[wildcards.name].size,
        pairs=lambda wildcards: flags("pair", plan.preprocessing.flows[wildcards.name].pairs),
        options=lambda wildcards: flags("option", settings(plan.preprocessing.flows[wildcards.name].options)),
        code=lambda wildcards: plan.flow_code("flow", plan.preprocessing.flows[wildcards.name].method),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow flow"
        " --method {params.method} --dataset {wildcards.dataset} --subject {wildcards.subject}"
        " --index {input.index} --faces {input.faces} {params.pairs}"
        " --size {params.size} {params.options}"
        " --output {output.flow} --record {output.record} > {log} 2>&1"


rule motion:
    """Optical flow from each of a subject's aligned faces to the next."""
    input:
        faces="results/faces/{dataset}/{subject}.npy",
        table="results/faces/{dataset}/{subject}.parquet",
    output:
        motion="results/motion/{name}/{dataset}/{subject}.npy",
        record="results/records/motion/{name}/{dataset}/{subject}.json",
    log:
        "results/logs/motion/{name}/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/motion/{name}/{dataset}/{subject}.tsv"
    priority: PREPROCESSING
    group:
        subject_group
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
        attempt=attempt,
    params:
        rule="motion",
        method=lambda wildcards: plan.preprocessing.motions[wildcards.name].method,
        options=lambda wildcards: flags("option", settings(plan.preprocessing.motions[wildcards.name].options)),
        code=lambda wildcards: plan.flow_code("motion", plan.preprocessing.motions[wildcards.name].method),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow motion"
        " --method {params.method} --dataset {wildcards.dataset} --subject {wildcards.subject}"
        " --faces {input.faces} {params.options}"
        " --output {output.motion} --record {output.record} > {log} 2>&1"


for whose, names in plan.preprocessing.residual_jobs.items():

    rule:
        """Residual images of a subject's clips: what differs from the clip's first frame."""
        name:
            f"residual_{whose}"
        input:
            index="results/index/{dataset}.parquet",
            table="results/faces/{dataset}/{subject}.parquet",
        output:
            images=[f"results/residual/{name}/{{dataset}}/{{subject}}.npy" for name in names],
            tables=[f"results/residual/{name}/{{dataset}}/{{subject}}.parquet" for name in names],
            record=f"results/records/residual/{whose}/{{dataset}}/{{subject}}.json",
        log:
            f"results/logs/residual/{whose}/{{dataset}}/{{subject}}.log",
        benchmark:
            f"results/benchmarks/residual/{whose}/{{dataset}}/{{subject}}.tsv"
        priority: PREPROCESSING
        group:
            subject_group
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule=f"residual_{whose}",
            root=lambda wildcards: plan.sources.root(wildcards.dataset),
            images=plan.residual_flags(names),
            code=plan.residual_code(names),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow residual"
            " --dataset {wildcards.dataset} --subject {wildcards.subject} --root {params.root:q}"
            " --index {input.index} --faces-table {input.table} {params.images}"
            " --output results/residual --record {output.record} > {log} 2>&1"


rule lbp_top:
    """LBP-TOP features of a subject's clips."""
    input:
        index="results/index/{dataset}.parquet",
        faces="results/faces/{dataset}/{subject}.npy",
        table="results/faces/{dataset}/{subject}.parquet",
    output:
        features="results/lbp_top/{name}/{dataset}/{subject}.npy",
        table="results/lbp_top/{name}/{dataset}/{subject}.parquet",
        record="results/records/lbp_top/{name}/{dataset}/{subject}.json",
    log:
        "results/logs/lbp_top/{name}/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/lbp_top/{name}/{dataset}/{subject}.tsv"
    priority: PREPROCESSING
    group:
        subject_group
    conda:
        "../../envs/mexflow.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
        attempt=attempt,
    params:
        rule="lbp_top",
        options=lambda wildcards: flags("option", settings(stated(plan.preprocessing.lbp_tops[wildcards.name]))),
        code=plan.code("lbp_top"),
    shell:
        "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow lbp_top"
        " --dataset {wildcards.dataset} --subject {wildcards.subject} --index {input.index}"
        " --faces {input.faces} {params.options}"
        " --output {output.features} --record {output.record} > {log} 2>&1"
