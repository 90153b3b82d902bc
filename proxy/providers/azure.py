"""Azure OpenAI: OpenAI's operations at Azure's addresses, with the key in `api-key` or an Entra token as Bearer.

Three surfaces: `/openai/deployments/<deployment>/…?api-version=…`, where the path names the deployment;
`/openai/…?api-version=…` (responses, files, batches, models) and the newer `/openai/v1/…`, where the body's `model`
does. A deployment may be called anything; the response's `model` is the model that was deployed.
"""

from __future__ import annotations

import re

from proxy.providers.base import Provider
from proxy.providers.openai import OPENAI

__all__ = ["AZURE"]

AZURE = Provider(
    kind="azure",
    otel_name="azure.ai.openai",
    key_carrier="api-key",
    error_body=OPENAI.error_body,
    model_in_path=re.compile(r"^/openai/deployments/([^/]+)/"),
    alias=(re.compile(r"^/openai(?:/v1|/deployments/[^/]+)?(?=/)"), "/v1"),
    operations=OPENAI.operations,
)
