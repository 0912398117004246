"""The shop and the app's installation in it, as the API shows them."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from sandbox.shopify.views.common import Scene, View, utc_text


class ScopeView:
    typename = "AccessScope"

    def __init__(self, handle: str) -> None:
        self.handle = self.description = handle


class AppView(View):
    typename = "AppInstallation"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.id = "gid://shopify/AppInstallation/557678898"
        self.access_scopes = [ScopeView(handle) for handle in sorted(scene.scopes)]


class ShopView(View):
    typename = "Shop"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        settings = scene.shop
        offset = scene.now.astimezone(ZoneInfo(settings.time_zone)).utcoffset() or timedelta(0)
        minutes = int(offset.total_seconds() // 60)
        self.id = f"gid://shopify/Shop/{settings.shop_id}"
        self.name = settings.title
        self.myshopify_domain = f"{settings.name}.myshopify.com"
        self.url = f"https://{settings.name}.myshopify.com"
        self.email = f"hello@{settings.name}.example"
        self.currency_code = settings.currency
        self.enabled_presentment_currencies = [settings.currency]
        self.iana_timezone = settings.time_zone
        self.timezone_offset_minutes = minutes
        self.timezone_offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
        self.taxes_included = settings.taxes_included
        self.tax_shipping = True
        self.created_at = self.updated_at = utc_text(scene.now)
