"""Finds the parameters of deploy/demo-model.json; docs/models/onlineretail-mbg.md says why in this way.

Usage: python3 fit_onlineretail.py deploy/data/onlineretail_events.csv     (needs numpy and scipy)
"""

import csv
import datetime as dt
import sys

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

WEEK = 7 * 86400.0
HORIZON = 91 * 86400.0
FIT_AT = dt.datetime(2011, 6, 10, tzinfo=dt.timezone.utc).timestamp()
JUDGE_AT = dt.datetime(2011, 9, 9, tzinfo=dt.timezone.utc).timestamp()

# Log-normal priors: centre and standard deviation of the logarithm.
PRIOR = {"r": (1.0, 1.0), "alpha": (8.0, 1.0), "a": (0.5, 0.5), "b": (10.0, 0.5)}


def read(path):
    """Purchases by customer: lists of (seconds since 1970, amount), in order of time."""
    purchases = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            if row["type"] == "purchase":
                at = dt.datetime.fromisoformat(row["ts"].replace("Z", "+00:00")).timestamp()
                purchases.setdefault(row["customer"], []).append((at, float(row["amount"])))
    return {customer: sorted(list_) for customer, list_ in purchases.items()}


def summarise(purchases, now):
    """Per customer who bought before `now`: x, t_x, T (weeks), mean spend of a repeat day, and whether none of the next
    91 days saw a purchase. Repeats count once a UTC day, as docs/semantics.md has it."""
    rows = []
    for list_ in purchases.values():
        past = [(at, amount) for at, amount in list_ if at < now]
        if not past:
            continue
        first, last = past[0][0], past[-1][0]
        days = {int(at // 86400) for at, _ in past}
        first_day = int(first // 86400)
        x = len(days) - 1
        spend = sum(amount for at, amount in past if int(at // 86400) != first_day)
        left = not any(now <= at < now + HORIZON for at, _ in list_)
        rows.append((x, (last - first) / WEEK, (now - first) / WEEK, spend / x if x else 0.0, left))
    return [np.array(column, float) for column in zip(*rows)]


def mbg_log_likelihood(r, alpha, a, b, x, t_x, T):
    """Batislam, Denizel and Filiztekin 2007."""
    alive = betaln(a, b + x + 1) - (r + x) * np.log(alpha + T)
    left = betaln(a + 1, b + x) - (r + x) * np.log(alpha + t_x)
    return np.sum(gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b) + np.logaddexp(alive, left))


def gamma_gamma_log_likelihood(p, q, v, x, m):
    """Fader, Hardie and Lee 2005; m: mean spend of x repeat days."""
    return np.sum(
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        + (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(x * m + v)
    )


def risk(r, alpha, a, b, x, t_x, T):
    k = r + x
    alive = 1 / (1 + a / (b + x) * ((alpha + T) / (alpha + t_x)) ** k)
    return 1 - alive * (1 - ((alpha + T) / (alpha + T + HORIZON / WEEK)) ** k)


def fit(objective, start):
    best = minimize(lambda z: -objective(*np.exp(z)), np.log(start), method="Nelder-Mead",
                    options={"maxiter": 20000, "maxfev": 20000, "xatol": 1e-8, "fatol": 1e-8})
    return np.exp(best.x)


def auc(score, left):
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    values, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    positive = left.sum()
    return (ranks[left == 1].sum() - positive * (positive + 1) / 2) / (positive * (len(left) - positive))


def ece(p, left, bins=10):
    edges = np.quantile(p, np.linspace(0, 1, bins + 1))
    which = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)
    return sum(abs(p[which == i].mean() - left[which == i].mean()) * (which == i).mean()
               for i in range(bins) if (which == i).any())


def report(name, p, left):
    print(f"{name:34s} n {len(left)} rate {left.mean():.3f} AUC {auc(p, left):.4f} "
          f"Brier {np.mean((p - left) ** 2):.4f} ECE {ece(p, left):.4f}")


def main():
    purchases = read(sys.argv[1])
    x, t_x, T, m, left = summarise(purchases, FIT_AT)

    def log_prior(**values):
        return sum(-0.5 * ((np.log(v) - np.log(PRIOR[k][0])) / PRIOR[k][1]) ** 2 for k, v in values.items())

    start = [PRIOR[k][0] for k in ("r", "alpha", "a", "b")]
    plain = fit(lambda r, alpha, a, b: mbg_log_likelihood(r, alpha, a, b, x, t_x, T), start)
    mbg = fit(lambda r, alpha, a, b: mbg_log_likelihood(r, alpha, a, b, x, t_x, T)
              + log_prior(r=r, alpha=alpha, a=a, b=b), start)
    spenders = (x > 0) & (m > 0)
    gamma_gamma = fit(lambda p, q, v: gamma_gamma_log_likelihood(p, q, v, x[spenders], m[spenders]), [2.0, 3.0, 300.0])

    print("plain maximum likelihood  r %.4g alpha %.4g a %.4g b %.4g" % tuple(plain),
          "LL %.2f" % mbg_log_likelihood(*plain, x, t_x, T))
    print("with the prior            r %.4g alpha %.4g a %.4g b %.4g" % tuple(mbg),
          "LL %.2f" % mbg_log_likelihood(*mbg, x, t_x, T))
    print("gamma-gamma               p %.4g q %.4g v %.4g" % tuple(gamma_gamma))
    for name, now in (("in time, 2011-06-10", FIT_AT), ("out of time, 2011-09-09", JUDGE_AT)):
        x, t_x, T, m, left = summarise(purchases, now)
        report(name + ": recency", (T - t_x) / (T - t_x).max(), left)
        report(name + ": plain fit", risk(*plain, x, t_x, T), left)
        report(name + ": with prior", risk(*mbg, x, t_x, T), left)
        level = risk(*mbg, x, t_x, T)
        for threshold in (0.6, 0.75, 0.9):
            flagged = (level >= threshold) & (x >= 1)
            if flagged.any():
                print(f"  flagged at {threshold}: {flagged.sum()}, of whom left {left[flagged].mean():.3f}")


if __name__ == "__main__":
    main()
