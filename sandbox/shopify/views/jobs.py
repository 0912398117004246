"""The job of a cancellation and what came of it, as the API shows them."""

from __future__ import annotations

from sandbox.shopify import records as r
from sandbox.shopify.views.common import ErrorView, Scene, View
from sandbox.shopify.views.orders import OrderView


class JobView(View):
    typename = "Job"

    def __init__(self, scene: Scene, job: r.CancelJob) -> None:
        super().__init__(scene)
        self.id = job.id
        self.done = job.status != "STARTED"


class JobResultView(View):
    typename = "OrderCancelJobResult"

    def __init__(self, scene: Scene, job: r.CancelJob) -> None:
        super().__init__(scene)
        self.job = job
        self.id = job.result_id
        self.done = job.status != "STARTED"
        self.status = job.status

    def errors(self) -> list[ErrorView]:
        failure = self.job.failure
        return [] if failure is None else [ErrorView(["orderId"], failure, "INVALID")]

    def order(self) -> OrderView:
        return OrderView(self.scene, self.books.orders[self.job.order])
