"""The doctor looks at this very machine."""

from reports.doctor import examine
from reports.pdf import Renderer


def test_a_machine_that_is_set_up_gets_only_good_findings(renderer: Renderer):
    findings = examine(renderer)
    assert len(findings) == 5
    assert [finding.sentence for finding in findings if not finding.fit] == []


def test_a_machine_without_our_font_is_told_what_to_install(tmp_path, monkeypatch):
    config = tmp_path / "fonts.conf"
    config.write_text(
        '<?xml version="1.0"?><fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir>'
        f"<cachedir>{tmp_path}</cachedir></fontconfig>"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    from reports.zpl import font_file

    font_file.cache_clear()
    with Renderer() as poor:
        findings = examine(poor)
    font_file.cache_clear()
    wrong = [finding.sentence for finding in findings if not finding.fit]
    assert len(wrong) == 2
    assert all("fonts-wqy-zenhei" in sentence for sentence in wrong)
