"""`gridkit doctor`: what this machine has, what is missing and how to get it."""

import click


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> None:
    """Show versions, extras, devices, codecs, models, recipes and disk; say what is missing.

    Ends with status 6 if something that the core needs is missing.

    \b
    Example:
      gridkit doctor
    """
    import json
    from dataclasses import asdict

    from gridkit.doctor import examine
    from gridkit.errors import CheckFailed

    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            mark = "ok     " if finding.ok else "MISSING" if finding.needed else "absent "
            click.echo(f"{mark}  {finding.subject:{width}}  {finding.detail}")
    missing = [finding.subject for finding in findings if finding.needed and not finding.ok]
    if missing:
        raise CheckFailed(f"missing: {', '.join(missing)}")
