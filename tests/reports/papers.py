"""Factories of documents for these tests: valid defaults, name only what matters."""

from dataclasses import replace

from reports.document import (
    CertificateDocument,
    EquipmentRow,
    ItemRow,
    Labelled,
    Laboratory,
    Language,
    Mark,
    MarkKind,
    Party,
    SampleBlock,
    Sampling,
    Signature,
    Text,
    VerdictKind,
)
from reports.letter import LetterDocument

LABORATORY = Laboratory(
    name=Text("云岭市产品质量与计量检测院", "Yunling Institute of Product Quality and Metrology"),
    address=Text("云岭市科学大道 88 号", "88 Science Avenue, Yunling"),
    registration_no="12440100MB2C00000X",
    postcode="510000",
    phone="020-8000 0000",
    email="service@yunling-lab.example",
    website="yunling-lab.example",
)
MILLER = Party(
    Text("粤香饼业有限公司", "Yuexiang Bakery Co., Ltd."),
    Text("云岭市东城区面点路 12 号", "12 Pastry Road, Dongcheng, Yunling"),
    "陈敏",
    "138 0000 0000",
)
CMA_CNAS = (MarkKind.CMA, MarkKind.CNAS)

MOISTURE = ItemRow(
    no="1",
    item=Text("水分", "Moisture"),
    unit="g/100 g",
    limit=Text("—", "—"),
    results=(Text.same("20.0"),),
    verdict=Text("不判定", "Not judged"),
    method="GB 5009.3-2016 第一法",
    marks=CMA_CNAS,
)
ALUMINIUM = ItemRow(
    no="2",
    item=Text("铝的残留量（干样品，以 Al 计）", "Aluminium (dry basis, as Al)"),
    unit="mg/kg",
    limit=Text("≤ 100"),
    results=(Text.same("100.5"),),
    verdict=Text("不合格", "Fail"),
    verdict_kind=VerdictKind.FAIL,
    method="GB 5009.182-2017 第二法",
    marks=CMA_CNAS,
    uncertainty="U = 4.2 (k = 2)",
    detection_limit=Text("检出限 0.5 mg/kg", "LOD 0.5 mg/kg"),
)
PLATE_COUNT = ItemRow(
    no="3",
    item=Text("菌落总数", "Aerobic plate count"),
    unit="CFU/g",
    limit=Text("n=5, c=2, m=10⁴, M=10⁵"),
    results=tuple(Text.same(v) for v in ("9.0×10³", "1.2×10⁴", "8.5×10³", "3.1×10⁴", "7.0×10³")),
    verdict=Text("合格", "Pass"),
    verdict_kind=VerdictKind.PASS,
    method="GB 4789.2-2022",
    marks=(MarkKind.CMA,),
)
SULFUR = ItemRow(
    no="4",
    item=Text("二氧化硫残留量", "Sulfur dioxide"),
    unit="g/kg",
    limit=Text("不得使用", "Not permitted"),
    results=(Text("未检出", "Not detected"),),
    verdict=Text("合格", "Pass"),
    verdict_kind=VerdictKind.PASS,
    method="GB 5009.34-2022",
    starred=True,
    note=Text("由南粤检测有限公司分包检测", "Subcontracted to Nanyue Testing Ltd."),
    detection_limit=Text("检出限 0.01 g/kg", "LOD 0.01 g/kg"),
)

NOTES = (
    Text("报告无“检验检测专用章”或检验单位公章无效。", "This report is not valid without the seal."),
    Text("报告无编制、审核、批准人签字无效。", "It is not valid without the three signatures."),
    Text("报告涂改无效。", "It is not valid if altered."),
    Text(
        "未经本院书面同意，不得部分复制本报告；复制报告未重新加盖印章无效。",
        "It may not be copied in part without our written consent; copies need a new seal.",
    ),
    Text(
        "对检验结果有异议的，应于收到报告之日起十五日内向本院提出，逾期不予受理。",
        "Objections must reach us within 15 days of receipt of this report.",
    ),
    Text("委托检验仅对来样负责。", "Results relate only to the items as received."),
    Text("未经本院同意，不得将报告用于广告宣传。", "It may not be used for advertising without our consent."),
    Text(
        "扫描封面二维码，或凭报告编号与校验码，可在线查验报告真伪与状态。",
        "Scan the code on the cover, or give number and check code, to verify this report online.",
    ),
)


def make_sample(*items: ItemRow, **changes: object) -> SampleBlock:
    sample = SampleBlock(
        number="S2026-000123",
        name=Text("老婆饼", "Wife cake"),
        items=items or (MOISTURE, ALUMINIUM, PLATE_COUNT, SULFUR),
        trade_mark="粤香",
        model="300 g/盒",
        batch="20261118A",
        production_date="2026-11-18",
        grade=Text("合格品", "Qualified"),
        quantity=Text("6 盒", "6 boxes"),
        seal_state=Text("完好", "Intact"),
        condition=Text("固体，包装完好，常温", "Solid, packing intact, ambient"),
        received_on="2026-11-20",
        producer=MILLER,
    )
    return replace(sample, **changes)  # type: ignore[arg-type]


def make_document(*samples: SampleBlock, **changes: object) -> CertificateDocument:
    document = CertificateDocument(
        title=Text("检验报告", "TEST REPORT"),
        laboratory=LABORATORY,
        number="WT-2026-00017",
        check_code="7KQ4-M2XD",
        verify_url="https://yunling-lab.example/v/WT-2026-00017?c=7KQ4M2XD",
        customer=MILLER,
        samples=samples or (make_sample(),),
        business_type=Text("委托检验", "Commissioned test"),
        business_statement=Text("仅对来样负责。", "Results relate only to the items as received."),
        conclusion=Text(
            "该样品所检项目中，铝的残留量不符合 GB 2760-2024 要求，其余所检项目符合要求。",
            "Aluminium does not meet GB 2760-2024; the other judged items meet their requirements.",
        ),
        signatures=(
            Signature(Text("编制", "Prepared"), "林晓", "2026-11-22"),
            Signature(Text("审核", "Reviewed"), "黄志强", "2026-11-22"),
            Signature(
                Text("批准", "Approved"),
                "周颖",
                "2026-11-22",
                Text("授权签字人（食品）", "Authorised signatory, food"),
            ),
        ),
        received_on="2026-11-20",
        performed_from="2026-11-20",
        performed_to="2026-11-22",
        issued_on="2026-11-22",
        test_basis=(Text("GB 5009.3-2016、GB 5009.182-2017、GB 4789.2-2022、GB 5009.34-2022"),),
        judging_basis=(
            Text("GB 2760-2024《食品安全国家标准 食品添加剂使用标准》", "GB 2760-2024"),
            Text("GB 7099-2015《食品安全国家标准 糕点、面包》", "GB 7099-2015"),
        ),
        decision_rule=Text(
            "GB/T 8170-2008 全数值比较法：测得值不经修约直接与限量比较，不计测量不确定度。",
            "GB/T 8170-2008, full value: the measured value is compared unrounded; U is not counted.",
        ),
        detection_limits=Text(
            "结果低于方法检出限时报“未检出”，并列出检出限。",
            "Below the limit of detection the result is “not detected”; the limit is given.",
        ),
        environment=Text("(23 ± 2) ℃，(50 ± 10) %RH", "(23 ± 2) ℃, (50 ± 10) %RH"),
        notes=NOTES,
        marks=(
            Mark(MarkKind.CMA, "220019120001"),
            Mark(
                MarkKind.CNAS,
                "",
                Text("二氧化硫不在认可范围内", "sulfur dioxide is outside the accredited scope"),
            ),
        ),
        equipment=(
            EquipmentRow(Text("电子天平", "Balance"), "ME204", "CH-011", "LX2026-0311", "2027-03-10"),
            EquipmentRow(
                Text("电感耦合等离子体质谱仪", "ICP-MS"), "7900", "CH-027", "HX2026-1189", "2027-06-30"
            ),
        ),
    )
    return replace(document, **changes)  # type: ignore[arg-type]


SUPERVISION = Sampling(
    form_no="CY-2026-0451",
    sampled_on="2026-11-19",
    place=Text("流通环节 · 农贸市场", "Retail, market"),
    people="王磊、何静",
    base=Text("50 kg"),
    plan=Text("随机抽样", "Random"),
    seal_checked_by="林晓",
)


def many_rows(count: int) -> tuple[ItemRow, ...]:
    kinds = (MOISTURE, ALUMINIUM, PLATE_COUNT, SULFUR)
    return tuple(replace(kinds[place % 4], no=str(place + 1)) for place in range(count))


def make_letter(**changes: object) -> LetterDocument:
    letter = LetterDocument(
        laboratory=LABORATORY,
        number="退样〔2026〕7 号",
        dated="2026-11-22",
        recipient=MILLER,
        subject=Text("样品退回通知", "Notice of sample refusal"),
        paragraphs=(
            Text(
                "贵单位于 2026-11-20 送检的下列样品，经接收检查不符合受理条件，现予退回。",
                "The sample below, received on 2026-11-20, does not meet the conditions of acceptance.",
            ),
        ),
        facts=(
            Labelled(Text("样品名称", "Sample"), Text("老婆饼", "Wife cake")),
            Labelled(Text("样品编号", "Sample No."), Text.same("S2026-000124")),
            Labelled(
                Text("退回原因", "Reason"), Text("封条破损，样品量不足", "Seal broken; amount too small")
            ),
        ),
        closing_paragraphs=(Text("请于十五日内取回样品。", "Please collect it within 15 days."),),
        signed_by="林晓",
        signed_role=Text("收样员", "Reception"),
    )
    return replace(letter, **changes)  # type: ignore[arg-type]


LANGUAGES = (Language.ZH, Language.EN, Language.BOTH)
