"""Costs: by hand, at the edges, and the break-even where the two bills cross."""

import dataclasses
import math

import pytest

from aimodels.cost_model import HOURS_PER_MONTH, Machine, hourly_price, service_price

pytestmark = pytest.mark.rests_on_code

MACHINE = Machine(price_per_hour=2.0, tokens_per_second=400, utilisation=0.25)


def test_a_million_tokens_by_hand():
    seconds = 1e6 / 400 / 0.25  # of the machine's time, idle included
    assert MACHINE.cost_per_million == pytest.approx(2.0 * seconds / 3600)
    twice = dataclasses.replace(MACHINE, utilisation=0.5)
    assert twice.cost_per_million == pytest.approx(MACHINE.cost_per_million / 2)


def test_the_month_is_paid_in_whole_machines():
    most, month = MACHINE.tokens_per_month, 2.0 * HOURS_PER_MONTH
    assert most == pytest.approx(100 * 3600 * HOURS_PER_MONTH)
    bills = [MACHINE.cost_per_month(tokens) for tokens in (0, 1, most, 1.01 * most, 3 * most)]
    assert bills == pytest.approx([month, month, month, 2 * month, 3 * month])
    staffed = dataclasses.replace(MACHINE, fixed_per_month=5000)
    assert staffed.cost_per_month(most) == pytest.approx(month + 5000)


@pytest.mark.parametrize("fixed", [0, 500, 20_000])
@pytest.mark.parametrize("price", [5.6, 8, 40])
def test_the_bills_cross_at_the_break_even(price, fixed):
    machine = dataclasses.replace(MACHINE, fixed_per_month=fixed)
    tokens = machine.break_even(price)
    assert machine.cost_per_month(tokens * (1 - 1e-9)) == pytest.approx(tokens * price / 1e6)
    below = [share * tokens for share in (0.999, 0.9, 0.5, 0.1)]
    assert all(machine.cost_per_month(t) > t * price / 1e6 for t in below)


def test_a_service_that_is_cheaper_at_every_volume():
    assert MACHINE.break_even(0.99 * MACHINE.cost_per_million) == math.inf
    even = dataclasses.replace(MACHINE, fixed_per_month=1)
    assert even.break_even(0.999999 * MACHINE.cost_per_million) == math.inf
    assert MACHINE.break_even(1.01 * MACHINE.cost_per_million) < MACHINE.tokens_per_month


def test_a_bought_machine_costs_its_share_and_its_electricity():
    hours = 4 * 12 * HOURS_PER_MONTH
    price = hourly_price(purchase=hours, years=4, kilowatts=0.5, price_per_kilowatt_hour=0.2)
    assert price == pytest.approx(1 + 0.1)
    free = hourly_price(purchase=0, years=1, kilowatts=0.5, price_per_kilowatt_hour=0.2)
    assert free == pytest.approx(0.1)


def test_a_service_charges_what_it_reads():
    assert service_price(input_per_million=2, output_per_million=10, read_per_written=0) == 10
    assert service_price(input_per_million=2, output_per_million=10, read_per_written=5) == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"price_per_hour": 0}, "price_per_hour must be a number > 0"),
        ({"tokens_per_second": -1}, "tokens_per_second must be a number > 0"),
        ({"utilisation": 30}, "a share, at most 1; got 30: write 0.3 for 30 %"),
        ({"utilisation": float("nan")}, "utilisation must be a number > 0"),
        ({"fixed_per_month": -1}, "fixed_per_month must be a number >= 0"),
        ({"fixed_per_month": "much"}, "fixed_per_month must be a number >= 0"),
    ],
)
def test_machines_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MACHINE, **arguments)


def test_prices_out_of_range_are_refused():
    with pytest.raises(ValueError, match="price_per_million must be a number > 0"):
        MACHINE.break_even(0)
    with pytest.raises(ValueError, match="tokens must be a number >= 0"):
        MACHINE.cost_per_month(-1)
    with pytest.raises(ValueError, match="years must be a number > 0"):
        hourly_price(purchase=1, years=0, kilowatts=1, price_per_kilowatt_hour=1)
    with pytest.raises(ValueError, match="kilowatts must be a number >= 0"):
        hourly_price(purchase=1, years=1, kilowatts=-1, price_per_kilowatt_hour=1)
    with pytest.raises(ValueError, match="read_per_written must be a number >= 0"):
        service_price(input_per_million=1, output_per_million=1, read_per_written=-1)
