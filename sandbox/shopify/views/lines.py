"""Lines of an order, their discounts, taxes and duties, and the shipping line."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from sandbox.shopify import records as r
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.money import Currencies, fixed_text, half_up
from sandbox.shopify.views.common import BagView, MoneyView, Scene, View, bag, first_of, money


class TaxView(View):
    typename = "TaxLine"

    def __init__(self, scene: Scene, currencies: Currencies, tax: r.Tax) -> None:
        super().__init__(scene)
        self.title = tax.title
        self.rate = float(tax.rate)
        self.rate_percentage = float(tax.rate * Decimal(100))
        self.price_set = bag(currencies, tax.amount)
        self.channel_liable = False
        self.source = None


class DutyView(View):
    typename = "Duty"

    def __init__(self, scene: Scene, currencies: Currencies, duty: r.Duty) -> None:
        super().__init__(scene)
        self.id = duty.id
        self.price = bag(currencies, duty.amount)
        self.country_code_of_origin = duty.country
        self.harmonized_system_code = duty.harmonized_code
        self.tax_lines: list[TaxView] = []


class DiscountApplicationView(View):
    """A discount by code, or one made by hand; both are amounts here."""

    def __init__(self, scene: Scene, currencies: Currencies, discount: r.Discount) -> None:
        super().__init__(scene)
        self._code = discount.code
        self.allocation_method = "ACROSS" if discount.cart else "EACH"
        self.index = discount.index
        self.target_selection = "ALL" if discount.cart else "EXPLICIT"
        self.target_type = "LINE_ITEM"
        self.value: MoneyView = money(discount.amount, currencies.presentment)
        self.title = self.code = self.description = discount.title

    @property
    def typename(self) -> str:  # type: ignore[override]
        return "DiscountCodeApplication" if self._code else "ManualDiscountApplication"


class AllocationView(View):
    typename = "DiscountAllocation"

    def __init__(self, scene: Scene, currencies: Currencies, discount: r.Discount) -> None:
        super().__init__(scene)
        self.allocated_amount_set = bag(currencies, discount.amount)
        self.discount_application = DiscountApplicationView(scene, currencies, discount)


class VariantView(View):
    typename = "ProductVariant"

    def __init__(self, scene: Scene, variant: r.Variant) -> None:
        super().__init__(scene)
        self.id = variant.id
        self.legacy_resource_id = str(legacy_id(variant.id))
        self.sku = variant.sku
        self.title = "Default Title"
        self.display_name = variant.title
        self.price = fixed_text(variant.price, scene.books.currency)


class LineView(View):
    typename = "LineItem"

    def __init__(self, scene: Scene, order: r.Order, line: r.Line) -> None:
        super().__init__(scene)
        self.order = order
        self.line = line
        self.id = line.id
        self.name = self.title = line.title
        self.sku = line.sku
        self.variant_title = self.vendor = None
        self.quantity = line.quantity
        self.taxable = line.taxable
        self.requires_shipping = line.requires_shipping
        self.is_gift_card = line.gift_card
        self.merchant_editable = True
        self.non_fulfillable_quantity = 0

    def _bag(self, minor: int) -> BagView:
        return bag(self.order.currencies, minor)

    def _unit(self, total: int) -> BagView:
        return self._bag(half_up(Fraction(total, self.quantity)))

    def variant(self) -> VariantView | None:
        known = self.books.variants.get(self.line.variant or "")
        return None if known is None else VariantView(self.scene, known)

    def refundable_quantity(self) -> int:
        return self.books.refundable_quantity(self.order.id, self.line)

    def current_quantity(self) -> int:
        return self.refundable_quantity()

    def unfulfilled_quantity(self) -> int:
        return max(0, self.refundable_quantity() - self.books.fulfilled_quantity(self.order.id, self.id))

    def restockable(self) -> bool:
        return self.line.variant is not None and self.refundable_quantity() > 0

    def original_unit_price_set(self) -> BagView:
        return self._bag(self.line.unit_price)

    def original_total_set(self) -> BagView:
        return self._bag(self.line.original_total)

    def discounted_unit_price_set(self) -> BagView:
        return self._unit(self.line.discounted_total)

    def discounted_unit_price_after_all_discounts_set(self) -> BagView:
        return self._unit(self.line.net_total)

    def discounted_total_set(self, *, with_code_discounts: bool | None = None) -> BagView:
        codes = sum(discount.amount for discount in self.line.discounts if discount.cart and discount.code)
        return self._bag(self.line.discounted_total - (codes if with_code_discounts else 0))

    def total_discount_set(self) -> BagView:
        return self._bag(self.line.original_total - self.line.discounted_total)

    def price_after_all_discounts_before_taxes_set(self) -> BagView:
        untaxed = self.line.net_total - (self.line.tax_total if self.order.taxes_included else 0)
        return self._bag(half_up(Fraction(untaxed * self.refundable_quantity(), self.quantity)))

    def discount_allocations(self) -> list[AllocationView]:
        return [AllocationView(self.scene, self.order.currencies, item) for item in self.line.discounts]

    def tax_lines(self, first: int | None = None) -> list[TaxView]:
        return first_of([TaxView(self.scene, self.order.currencies, tax) for tax in self.line.taxes], first)

    def duties(self) -> list[DutyView]:
        return [DutyView(self.scene, self.order.currencies, duty) for duty in self.line.duties]


class ShippingLineView(View):
    typename = "ShippingLine"

    def __init__(self, scene: Scene, order: r.Order, line: r.Shipping) -> None:
        super().__init__(scene)
        self.order = order
        self.line = line
        self.id = line.id
        self.title = line.title
        self.code = line.title
        self.custom = False
        self.is_removed = False
        self.source = "shopify"
        self.carrier_identifier = self.delivery_category = self.phone = self.shipping_rate_handle = None

    def original_price_set(self) -> BagView:
        return bag(self.order.currencies, self.line.price)

    def discounted_price_set(self) -> BagView:
        return bag(self.order.currencies, self.line.discounted)

    def current_discounted_price_set(self) -> BagView:
        left = self.line.discounted - self.books.refunded_shipping(self.order.id, self.line.id)
        return bag(self.order.currencies, left)

    def discount_allocations(self) -> list[AllocationView]:
        return [AllocationView(self.scene, self.order.currencies, item) for item in self.line.discounts]

    def tax_lines(self) -> list[TaxView]:
        return [TaxView(self.scene, self.order.currencies, tax) for tax in self.line.taxes]
