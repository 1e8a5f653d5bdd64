"""Every table of the laboratory: importing this fills ``Base.metadata``."""

import lims.accreditation.models
import lims.bench.analyser.models
import lims.bench.capture.models
import lims.bench.control.models
import lims.bench.files.models
import lims.bench.models
import lims.catalogue.check_models
import lims.catalogue.models
import lims.catalogue.simulation_models
import lims.certificates.models
import lims.core.audit
import lims.core.calendar
import lims.core.files
import lims.core.jobs
import lims.core.numbering
import lims.core.ratelimit
import lims.core.uow
import lims.equipment.models
import lims.equipment.profile_models
import lims.intake.models
import lims.people.models
import lims.portal.models
import lims.quality.models
import lims.quality.proficiency_models
import lims.ui.models

__all__ = ["lims"]
