"""Reporting: tables, figures and timing of each paper, and the page that shows all of them.

Needs the paper's file, its predictions, and for figures flow and faces. Makes ``results/tables/<paper>.parquet``,
``.csv`` and ``.md``, ``results/figures/<paper>/``, and the measured times in ``results/tables/<paper>.timing.*``.
Times differ from run to run; they have tables of their own, so that the others are the same bits in every run.
``results/index.html`` is the results page: the whole of a run, to be looked at in a browser.
``results/tables/learning.*``, where it is asked for, is of the papers' proposed methods and their controls alone.
``results/models/<paper>/<experiment>/card.json``, likewise, says of a network for use what it is and what it can do.
"""

for paper in plan.papers:

    rule:
        """Everything of one paper."""
        name:
            paper
        input:
            results=plan.targets(paper) if paper in plan.whole else plan.unlisted.targets(paper),


for paper in plan.whole:

    rule:
        """The paper's tables, published beside measured."""
        name:
            f"tables_{paper}"
        input:
            paper=plan.paper_file(paper),
            index=plan.reporting.indexes(paper),
            tables=plan.reporting.array_tables(paper),
            predictions=plan.predictions(paper),
            features=plan.features(paper),
            spotted=plan.spotted(paper),
        output:
            parquet=f"results/tables/{paper}.parquet",
            csv=report(f"results/tables/{paper}.csv", caption="../report/tables.rst", category=paper),
            markdown=f"results/tables/{paper}.md",
            record=f"results/records/tables/{paper}.json",
        log:
            f"results/logs/tables/{paper}.log",
        benchmark:
            f"results/benchmarks/tables/{paper}.tsv"
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule=f"tables_{paper}",
            paper=paper,
            recipe=plan.reporting.recipe(paper).text(),
            code=plan.reporting.code(paper),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow tables"
            " --paper {input.paper:q} --results results --recipe {params.recipe:q}"
            " --output results/tables/{params.paper} --record {output.record} > {log} 2>&1"

    rule:
        """The scores of one experiment, for a look at it on its own."""
        name:
            f"scores_{paper}"
        input:
            paper=plan.paper_file(paper),
            index=lambda wildcards, paper=paper: plan.reporting.indexes(paper, wildcards.experiment),
            tables=lambda wildcards, paper=paper: plan.reporting.array_tables(paper, wildcards.experiment),
            predictions=lambda wildcards, paper=paper: plan.predictions(paper, wildcards.experiment),
            spotted=lambda wildcards, paper=paper: plan.spotted(paper, wildcards.experiment),
        output:
            parquet=f"results/scores/{paper}/{{experiment}}.parquet",
            csv=f"results/scores/{paper}/{{experiment}}.csv",
            markdown=f"results/scores/{paper}/{{experiment}}.md",
            record=f"results/records/scores/{paper}/{{experiment}}.json",
        log:
            f"results/logs/scores/{paper}/{{experiment}}.log",
        benchmark:
            f"results/benchmarks/scores/{paper}/{{experiment}}.tsv"
        wildcard_constraints:
            experiment="|".join(plan.experiments(paper)),
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule=f"scores_{paper}",
            paper=paper,
            recipe=lambda wildcards, paper=paper: plan.reporting.recipe(paper, wildcards.experiment).text(),
            code=lambda wildcards, paper=paper: plan.reporting.code(paper, wildcards.experiment),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow tables"
            " --paper {input.paper:q} --results results --recipe {params.recipe:q} --only {wildcards.experiment}"
            " --output results/scores/{params.paper}/{wildcards.experiment} --record {output.record} > {log} 2>&1"

    rule:
        """The paper's figures."""
        name:
            f"figures_{paper}"
        input:
            paper=plan.paper_file(paper),
            index=plan.figures[paper].indexes,
            arrays=plan.figures[paper].arrays,
            tables=plan.figures[paper].tables,
            predictions=plan.figures[paper].predictions,
            spotted=plan.figures[paper].spotted,
        output:
            png=[
                report(f"results/figures/{paper}/{name}.png", caption="../report/figure.rst", category=paper)
                for name in plan.papers[paper].figures
            ],
            svg=[f"results/figures/{paper}/{name}.svg" for name in plan.papers[paper].figures],
            record=f"results/records/figures/{paper}.json",
        log:
            f"results/logs/figures/{paper}.log",
        benchmark:
            f"results/benchmarks/figures/{paper}.tsv"
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule=f"figures_{paper}",
            paper=paper,
            recipe=plan.figures[paper].recipe,
            code=plan.figures[paper].code,
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow figures"
            " --paper {input.paper:q} --results results --recipe {params.recipe:q}"
            " --output results/figures/{params.paper} --record {output.record} > {log} 2>&1"

    if plan.papers[paper].timing:

        rule:
            """The time to classify a clip, with the machine to itself."""
            name:
                f"timing_{paper}"
            input:
                paper=plan.paper_file(paper),
                index=plan.reporting.timed_index(paper),
                model=plan.reporting.timed_model(paper),
                faces=plan.reporting.timed_faces(paper),
                tables=plan.beside(plan.reporting.timed_faces(paper)),
            output:
                parquet=f"results/tables/{paper}.timing.parquet",
                csv=report(f"results/tables/{paper}.timing.csv", caption="../report/timing.rst", category=paper),
                markdown=f"results/tables/{paper}.timing.md",
                record=f"results/records/timing/{paper}.json",
            log:
                f"results/logs/timing/{paper}.log",
            benchmark:
                f"results/benchmarks/timing/{paper}.tsv"
            conda:
                "../../envs/mexflow.yaml"
            # All cores, or a node: a job beside it would be measured with it.
            threads: workflow.resource_settings.cores if workflow.local_exec else 1
            resources:
                slurm_extra="--exclusive",
                mem_mb=growing(2000),
                runtime=growing(30),
                attempt=attempt,
            params:
                rule=f"timing_{paper}",
                paper=paper,
                budget=plan.config.budget,
                reading=plan.config.reading,
                data=plan.data(paper),
                device=plan.config.training.device,
                code=plan.reporting.timing_code(paper),
            shell:
                "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow timing"
                " --paper {input.paper:q} --results results --model {input.model}"
                " --budget {params.budget} --reading {params.reading} --data {params.data:q} --device {params.device}"
                " --output results/tables/{params.paper}.timing --record {output.record} > {log} 2>&1"


if plan.page.targets:

    rule page:
        """The results page: every number beside what is in print, and of each what it was made from."""
        input:
            papers=plan.page.paper_files,
            tables=plan.page.tables,
            figures=plan.page.figures,
            folds=plan.page.folds,
            faces=plan.page.faces,
            datasets=plan.dataset_targets(),
        output:
            page="results/index.html",
            record="results/records/page.json",
        log:
            "results/logs/page.log",
        benchmark:
            "results/benchmarks/page.tsv"
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(10),
            attempt=attempt,
        params:
            rule="page",
            papers=lambda wildcards: plan.papers_place,
            recipe=plan.page.recipe.text(),
            looks=plan.page.looks,
            code=plan.page.code,
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow page"
            " --papers {params.papers:q} --results results --recipe {params.recipe:q}"
            " --output {output.page} --record {output.record} > {log} 2>&1"


rule learning:
    """Whether the papers' proposed methods learn: these trained as the budget says, with their controls."""
    input:
        tables=plan.learning.targets,
        unlisted=plan.unlisted.targets("learning"),


if plan.learning.papers:

    rule learned:
        """Whether the papers' proposed methods learn, on held-out subjects, beside chance and their null controls."""
        input:
            papers=plan.learning.paper_files,
            index=plan.learning.indexes,
            tables=plan.learning.array_tables,
            folds=plan.learning.folds,
        output:
            parquet="results/tables/learning.parquet",
            csv=report("results/tables/learning.csv", caption="../report/learning.rst", category="learning"),
            markdown="results/tables/learning.md",
            record="results/records/learning.json",
        log:
            "results/logs/learning.log",
        benchmark:
            "results/benchmarks/learning.tsv"
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(60),
            attempt=attempt,
        params:
            rule="learned",
            papers=lambda wildcards: plan.papers_place,
            recipe=plan.learning.recipe.text(),
            code=plan.learning.code(),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow learning"
            " --papers {params.papers:q} --results results --recipe {params.recipe:q}"
            " --output results/tables/learning --record {output.record} > {log} 2>&1"


rule models:
    """The papers' proposed networks, trained on all subjects, each with its card: for videos of one's own."""
    input:
        models=plan.models.targets,
        unlisted=plan.unlisted.targets("models"),


for paper in plan.models.experiments:

    rule:
        """The card of a network for use: what it is, what it was trained on, how well it does."""
        name:
            f"card_{paper}"
        input:
            paper=plan.paper_file(paper),
            index=lambda wildcards, paper=paper: plan.index_of(paper, wildcards.experiment),
            files=lambda wildcards, paper=paper: plan.models.files(paper, wildcards.experiment),
            training=f"results/records/train/{paper}/{{experiment}}/{plan.models.fold}.json",
            tables=plan.models.tables(paper),
        output:
            card=f"results/models/{paper}/{{experiment}}/card.json",
            record=f"results/records/card/{paper}/{{experiment}}/{plan.models.fold}.json",
        log:
            f"results/logs/card/{paper}/{{experiment}}.log",
        benchmark:
            f"results/benchmarks/card/{paper}/{{experiment}}.tsv"
        wildcard_constraints:
            experiment="|".join(plan.models.experiments[paper]),
        localrule: True
        conda:
            "../../envs/mexflow.yaml"
        resources:
            mem_mb=growing(2000),
            runtime=growing(30),
            attempt=attempt,
        params:
            rule=f"card_{paper}",
            recipe=lambda wildcards, paper=paper: plan.models.recipe(paper, wildcards.experiment).text(),
            code=plan.code("card"),
        shell:
            "MEXFLOW_RULE={params.rule} MEXFLOW_ATTEMPT={resources.attempt} python -m mexflow card"
            " --paper {input.paper:q} --experiment {wildcards.experiment} --results results"
            " --training {input.training} --recipe {params.recipe:q} --output {output.card}"
            " --record {output.record} > {log} 2>&1"
