"""The one task of the queue: do a computation."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django_tasks import task

from theratrial.errors import Problems, TheratrialError
from theratrial.web.results.services import computation_begun, computation_failed


@task()
def compute(pk: str) -> str:
    """Do what the computation `pk` asks for; says its state. Safe to be called again: only what waits is begun."""
    return computed(pk)


def computed(pk: str) -> str:
    """As `compute`, in this process."""
    from theratrial.web.results import computing, imagery

    computation = computation_begun(pk)
    if computation is None:
        return "not waiting"
    try:
        if computation.kind == "simulation":
            imagery.images_simulated(computation)
        else:
            computing.results_computed(computation)
    except Problems as error:
        computation_failed(computation, "\n".join(str(one) for one in error.problems))
    except (TheratrialError, OSError) as error:
        computation_failed(computation, str(error))
    except Exception as error:
        text = _("The program failed, which it should not: %(what)s. The log of the worker has the place.")
        computation_failed(computation, text % {"what": f"{type(error).__name__}: {error}"})
        raise
    computation.refresh_from_db()
    return str(computation.state)
