"""Files that analysers write: the mappings that read them, the files that came, what became of their rows."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.catalogue.models import Released
from lims.core.database import Base, Identified, Versioned
from lims.equipment.models import Equipment


class FileMapping(Identified, Versioned, Released, Base):
    """文件映射: how the files of an instrument are read. A released one never changes: imports name it for ever.

    For one device of the register (``equipment_id``) or for all of its class. ``layout``: JSON of
    ``file_layout.FileLayout``. ``number`` counts the versions of a ``name``. ``example_sha256``: the file it
    was made with.
    """

    __tablename__ = "file_mapping"
    name: Mapped[str] = mapped_column(String(80))
    number: Mapped[int] = mapped_column(Integer)
    equipment_class: Mapped[str] = mapped_column(ForeignKey("equipment_class.code"))
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    layout: Mapped[str] = mapped_column(Text)
    example_name: Mapped[str] = mapped_column(String(100), default="")
    example_sha256: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    equipment: Mapped[Equipment | None] = relationship(lazy="joined")
    __table_args__ = (UniqueConstraint("name", "number"),)


class InstrumentFile(Identified, Base):
    """仪器文件: one content, once, whoever brought it and under whatever name. Appended only.

    ``capture_id``: the first of the captures that carried it, where a gateway found it in its folder; their
    bytes are the file. Otherwise ``brought_by`` dropped it on a page. ``equipment_id``: the device it is of.
    """

    __tablename__ = "instrument_file"
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigInteger)
    came_at: Mapped[datetime]
    brought_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("capture.id"))
    chunks: Mapped[int] = mapped_column(Integer, default=0)
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    __table_args__ = (CheckConstraint("(capture_id IS NULL) = (chunks = 0)", name="chunks_of_captures"),)


class FileImport(Identified, Base):
    """Somebody confirmed rows of a file. ``mapping_id`` None: a sheet of results that names its columns itself.
    Appended only."""

    __tablename__ = "file_import"
    file_id: Mapped[int] = mapped_column(ForeignKey("instrument_file.id"), index=True)
    mapping_id: Mapped[int | None] = mapped_column(ForeignKey("file_mapping.id"))
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    worksheet_id: Mapped[int | None] = mapped_column(ForeignKey("worksheet.id"))
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    imported_at: Mapped[datetime]
    filled: Mapped[int] = mapped_column(Integer)
    refused: Mapped[int] = mapped_column(Integer)


class FileValue(Identified, Base):
    """This figure of the file stands in this cell: a figure is taken once, whatever is imported again.

    ``row_number``: of the line in the file, from 1; ``name``: what the file calls the figure. Appended only.
    """

    __tablename__ = "file_value"
    file_id: Mapped[int] = mapped_column(ForeignKey("instrument_file.id"))
    row_number: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(120))
    import_id: Mapped[int] = mapped_column(ForeignKey("file_import.id"), index=True)
    input_value_id: Mapped[int] = mapped_column(ForeignKey("input_value.id"), index=True)
    __table_args__ = (UniqueConstraint("file_id", "row_number", "name"),)
