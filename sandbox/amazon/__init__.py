"""Amazon as a seller meets it, on one machine: the Selling Partner API, its notifications, its mails, and its books.

It never learns anything from Quittance but what Quittance asks of it.
"""

from sandbox.amazon.buyers import Item
from sandbox.amazon.seller import Application, Lags, ReportStyle, Seller
from sandbox.amazon.simulator import AmazonSimulator

__all__ = ["AmazonSimulator", "Application", "Item", "Lags", "ReportStyle", "Seller"]
