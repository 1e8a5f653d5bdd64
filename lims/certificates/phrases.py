"""The finished sentences of our reports, in both languages, as testing institutions print them."""

import re

from lims.bench.states import Verdict
from reports.document import Text

TITLE = Text("检验报告", "Test Report")
PREPARED, REVIEWED, APPROVED = (
    Text("编制", "Prepared by"),
    Text("审核", "Reviewed by"),
    Text("批准", "Approved by"),
)
SIGNATORY = Text("授权签字人", "Authorised signatory")

VERDICTS = {
    Verdict.PASS: Text("合格", "Pass"),
    Verdict.FAIL: Text("不合格", "Fail"),
    Verdict.NOT_JUDGED: Text("—", "—"),
}
# Why there is no verdict, where the reader must know; an item without any limit shows that by itself.
UNJUDGED = {
    "monitoring_purpose": Text("风险监测项目，不作合格判定", "Risk monitoring: no verdict"),
    "judgement_not_requested": Text("委托方未要求判定", "No verdict asked for"),
    "value_is_not_a_figure": Text("结果非数值，不作判定", "Not a figure: no verdict"),
    "detection_limit_unknown": Text("方法未给出检出限，不作判定", "No detection limit given: no verdict"),
    "detection_limit_above_limit": Text(
        "方法检出限高于标准要求，不作判定", "Detection limit above the requirement: no verdict"
    ),
    "quantification_limit_unknown": Text(
        "方法未给出定量限，不作判定", "No quantification limit given: no verdict"
    ),
    "below_quantification_above_limit": Text(
        "定量限高于标准要求，不作判定", "Quantification limit above the requirement: no verdict"
    ),
    "greater_than_below_limit": Text(
        "结果超出测定范围上限，无法判定", "Beyond the measured range: cannot be judged"
    ),
    "plan_incomplete": Text("采样数量不足，不作判定", "Too few units for the plan: no verdict"),
    "uncertainty_missing": Text(
        "无不确定度，约定的判定规则无法应用", "No uncertainty: the agreed decision rule gives no verdict"
    ),
    "guard_bands_leave_no_acceptance": Text(
        "保护带之内无接受区间，不作判定", "The guard bands leave no acceptance interval: no verdict"
    ),
    "within_guard_band": Text(
        "结果与限值之差小于保护带，合格与否均未获证明",
        "Within the guard band: neither pass nor fail is proven",
    ),
}
AGREED = {
    "guarded-acceptance": Text(
        "按约定以保护接受规则判定，保护带 w = U（ILAC-G8:09/2019 4.2.2）：结果在接受限以内判为合格，否则判为不合格",
        "As agreed, conformity is stated by guarded acceptance with a guard band w = U (ILAC-G8:09/2019, 4.2.2): "
        "inside the acceptance limit passes, all else fails",
    ),
    "guarded-acceptance-0.83": Text(
        "按约定以保护接受规则判定，保护带 w = 0.83 U（ISO 14253-1:2017）：结果在接受限以内判为合格，否则判为不合格",
        "As agreed, conformity is stated by guarded acceptance with a guard band w = 0.83 U (ISO 14253-1:2017): "
        "inside the acceptance limit passes, all else fails",
    ),
    "guarded-rejection": Text(
        "按约定以保护拒绝规则判定，w = U（ILAC-G8:09/2019 表 1）：超出限值不足 U 的结果判为合格",
        "As agreed, conformity is stated by guarded rejection with w = U (ILAC-G8:09/2019, table 1): a result "
        "beyond the limit by less than U passes",
    ),
    "proven-both-ways": Text(
        "按约定仅在合格或不合格得到证明时作判定，w = U（ISO 14253-1:2017），其间不作判定",
        "As agreed, pass and fail are stated only where they are proven, with w = U (ISO 14253-1:2017); between "
        "them there is no verdict",
    ),
    "four-zones": Text(
        "按约定以四区规则判定，w = U（ILAC-G8:09/2019 4.2.3）：有条件合格计为合格，有条件不合格计为不合格",
        "As agreed, conformity is stated in four zones with w = U (ILAC-G8:09/2019, 4.2.3): a conditional pass "
        "is a pass, a conditional fail a fail",
    ),
}
PLAIN_LIMITS = Text(
    "要求为采样方案、不得使用或不得检出的项目以简单接受规则判定",
    "items with a sampling plan, or that are not permitted or must not be detected, are judged by simple acceptance",
)
UNCERTAINTY = Text(
    "U 为扩展不确定度，与结果单位相同；k 为包含因子，包含概率约为 {p} %。",
    "U is the expanded uncertainty in the unit of the result, k its coverage factor; the coverage probability is "
    "approximately {p} %.",
)
RULES = {
    "full_value": Text("全数值比较法（GB/T 8170-2008）", "full-value comparison (GB/T 8170-2008)"),
    "rounded_value": Text("修约值比较法（GB/T 8170-2008）", "rounded-value comparison (GB/T 8170-2008)"),
}
SEALS = {
    "intact": Text("封样完好", "Seal intact"),
    "broken": Text("封样破损", "Seal broken"),
    "none": Text("无封样", "Not sealed"),
}
# ISO/IEC 17025 7.8.2.1 l and its note: the two sentences that no report may be without.
ONLY_THE_ITEMS = Text("本报告的检验结果仅对所检样品有效。", "The results relate only to the items tested.")
NO_PARTIAL_COPY = Text(
    "未经本机构书面批准，不得部分复制本报告；复制报告未重新加盖“检验检测专用章”无效。",
    "This report shall not be reproduced except in full without our written approval; a copy is valid only "
    "with the laboratory's own seal.",
)
NOTES = (
    Text(
        "报告无“检验检测专用章”或检验单位公章无效。",
        "This report is not valid without the laboratory's inspection seal.",
    ),
    Text(
        "报告无编制、审核、批准人签字无效；报告涂改无效。",
        "This report is not valid without the names of who prepared, reviewed and approved it, nor if altered.",
    ),
    NO_PARTIAL_COPY,
    ONLY_THE_ITEMS,
    Text(
        "对报告如有异议，应于收到报告之日起十五日内向本机构提出，逾期不予受理。",
        "Objections are accepted within fifteen days of receipt of this report.",
    ),
    Text(
        "“资质”栏为该项目所在的资质认定（CMA）或认可（CNAS）范围；带“*”的项目不在上述能力范围内，"
        "其数据仅供委托方内部参考，不具有对社会的证明作用。",
        "“Scope” names the accreditation (CMA, CNAS) that covers an item. Items marked * are outside it; "
        "their data are for the customer's internal use only.",
    ),
    Text(
        "可扫描封面二维码，或登录下列网址凭报告编号与校验码查验本报告的真伪和有效状态。",
        "Scan the code on the cover, or open the address below, to verify this report by its number and "
        "check code.",
    ),
)
# ISO/IEC 17025 7.8.2.2: what the customer said of the sample is marked as such.
FROM_CUSTOMER = Text(
    "样品名称、商标、型号规格、批号、生产日期、生产企业等样品信息由委托方提供并由其负责，本机构不承担证实责任。",
    "Name, trade mark, model, batch, production date and producer of the samples were given by the customer, "
    "who answers for them; we did not verify them.",
)
NO_VERDICT = Text(
    "本报告仅提供检验数据，不作合格与否的判定。",
    "This report gives test data only; no statement of conformity is made.",
)
NO_MARK_NUMBER = Text("未录入证书编号", "its certificate number is not entered")

_DIGITS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_NTH_METHOD = re.compile("第([一二三四五六七八九十])法")


def clause_in_english(clause: str) -> str:
    """“第一法” as English papers write it, ``Method 1``; other clauses as they are."""
    return _NTH_METHOD.sub(lambda found: f"Method {_DIGITS[found[1]]}", clause)
