r"""What a million tokens cost: on machines of one's own or rented, and from a service.

Every price is an argument, in a currency of your choice and the same for all: prices change by the
month, so none is written here. Tokens per second are what was measured with your own model.
"""

import math
from dataclasses import dataclass
from numbers import Real

from aimodels.checks import check_positive_number

HOURS_PER_MONTH = 365.25 * 24 / 12


@dataclass(frozen=True, kw_only=True)
class Machine:
    r"""A machine that runs day and night and writes tokens part of the time.

    $$ \text{cost per million} = \frac{10^6 \cdot \text{price per hour}}
       {3600 \cdot \text{tokens per second} \cdot \text{utilisation}} $$

    Args:
        price_per_hour: what it costs whether it works or not; see `hourly_price` for a bought one.
        tokens_per_second: what it writes under full load, all clients together.
        utilisation: share of the time in which it does, in (0, 1]. Requests come unevenly: a
            machine that must answer at the busiest hour is idle at others.
        fixed_per_month: what comes on top once, however many machines there are: the people.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> machine = Machine(price_per_hour=3.6, tokens_per_second=500, utilisation=0.5)
        >>> machine.cost_per_million
        4.0
    """

    price_per_hour: float
    tokens_per_second: float
    utilisation: float
    fixed_per_month: float = 0.0

    def __post_init__(self):
        check_positive_number(
            price_per_hour=self.price_per_hour,
            tokens_per_second=self.tokens_per_second,
            utilisation=self.utilisation,
        )
        if self.utilisation > 1:
            raise ValueError(
                f"utilisation is a share, at most 1; got {self.utilisation!r}: write 0.3 for 30 %"
            )
        _check_not_negative(fixed_per_month=self.fixed_per_month)

    @property
    def cost_per_million(self) -> float:
        """Of tokens, at this utilisation, without what is fixed."""
        return 1e6 * self.price_per_hour / (3600 * self.tokens_per_second * self.utilisation)

    @property
    def price_per_month(self) -> float:
        """Of one machine, without what is fixed."""
        return self.price_per_hour * HOURS_PER_MONTH

    @property
    def tokens_per_month(self) -> float:
        """That one machine writes at this utilisation."""
        return 3600 * HOURS_PER_MONTH * self.tokens_per_second * self.utilisation

    def cost_per_month(self, tokens: float) -> float:
        """Of as many machines as a month's `tokens` need, at least one, and what is fixed.

        Raises:
            ValueError: if `tokens` is negative.
        """
        _check_not_negative(tokens=tokens)
        machines = max(1, math.ceil(tokens / self.tokens_per_month))
        return machines * self.price_per_month + self.fixed_per_month

    def break_even(self, price_per_million: float) -> float:
        r"""Tokens per month from which this costs no more than a service; `inf` for never.

        With k machines, $k m + f = p V$ at V million tokens, for the first k that can write so
        many. A little above a machine's limit the next one is idle at first, and the service can
        be cheaper again for a stretch.

        Args:
            price_per_million: of the service, in the same currency: see `service_price`.

        Raises:
            ValueError: if the price is not positive.

        Example:
            >>> machine = Machine(price_per_hour=1, tokens_per_second=1000, utilisation=0.5)
            >>> f"{machine.break_even(price_per_million=2):,.0f}"
            '365,250,000'
            >>> machine.break_even(price_per_million=0.5)
            inf
        """
        check_positive_number(price_per_million=price_per_million)
        price, most = price_per_million / 1e6, self.tokens_per_month
        saved = price * most - self.price_per_month  # by each machine that has enough to do
        if saved < 0 or (saved == 0 and self.fixed_per_month):
            return math.inf
        machines = max(1, math.ceil(self.fixed_per_month / saved)) if saved else 1
        costs = machines * self.price_per_month + self.fixed_per_month
        return max(costs / price, (machines - 1) * most)


def hourly_price(
    *, purchase: float, years: float, kilowatts: float, price_per_kilowatt_hour: float
) -> float:
    """Price per hour of a machine that is bought: its share of the purchase, and electricity.

    Args:
        purchase: its price.
        years: after which it is worth nothing.
        kilowatts: that it draws, cooling included.
        price_per_kilowatt_hour: of electricity.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> price = hourly_price(
        ...     purchase=26_298, years=3, kilowatts=1, price_per_kilowatt_hour=0.5
        ... )
        >>> round(price, 6)
        1.5
    """
    check_positive_number(years=years)
    _check_not_negative(
        purchase=purchase, kilowatts=kilowatts, price_per_kilowatt_hour=price_per_kilowatt_hour
    )
    return purchase / (years * 12 * HOURS_PER_MONTH) + kilowatts * price_per_kilowatt_hour


def service_price(
    *, input_per_million: float, output_per_million: float, read_per_written: float
) -> float:
    """Price per million *written* tokens of a service that also charges for those it reads.

    Args:
        input_per_million: price of a million tokens of the prompts.
        output_per_million: price of a million tokens of the answers.
        read_per_written: number of tokens of a prompt for each token of its answer.

    Raises:
        ValueError: if a number is negative.

    Example:
        >>> service_price(input_per_million=1, output_per_million=4, read_per_written=3)
        7
    """
    _check_not_negative(
        input_per_million=input_per_million,
        output_per_million=output_per_million,
        read_per_written=read_per_written,
    )
    return output_per_million + read_per_written * input_per_million


def _check_not_negative(**values):
    for name, value in values.items():
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < math.inf:
            raise ValueError(f"{name} must be a number >= 0; got {value!r}")
