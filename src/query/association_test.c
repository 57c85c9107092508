/*
 * Figures of 2x2 tables against values that others published, or that were worked out with exact
 * fractions (Fisher) and the formulas of the header in another language.
 */
#include "base/test.h"

#include <math.h>

#include "query/association.h"

static void near(double got, double wanted, const char *what)
{
    bool same = isnan(wanted) ? isnan(got) : fabs(got - wanted) <= 1e-9 * fmax(fabs(wanted), 1e-30);
    if (!same)
        fail_msg("%s is %.17g, not %.17g", what, got, wanted);
}

static void known_tables(void **state)
{
    static const struct {
        struct association_table table;
        struct association wanted;
    } known[] = {
        /* the lady who tastes tea: R's help page of fisher.test has p-value = 0.4857 */
        {{3, 1, 1, 3},
         {3, 0.5012843093869408, 17.953883318244678, 4, 0.3627064400261749, 44.11280924277317, 0.5,
          -0.3160173718731808, 0.8908085822654894, 0.4857142857142857, 2, true}},
        {{30, 70, 20, 180},
         {3, 1.797263187985246, 5.007613832056008, 3.7632461435278337, 2.028061314831223,
          6.983034207698838, 0.25298221281347033, 0.1438627417193184, 0.3560237137640375,
          1.1771339097615006e-05, 100.0 / 6, false}},
        /* aspirin and heart attacks (Agresti, Categorical Data Analysis): 1.82, from 1.43 to 2.31
         */
        {{189, 10845, 104, 10933},
         {1.8178017944535074, 1.4330309030505628, 2.3058842324224456, 1.8242055442866802,
          1.4352429656077144, 2.3185801620683986, 0.03366507296510879, 0.020481235072565874,
          0.04683720508811342, 5.691896973740839e-07, 146.48008699198041, false}},
        {{1, 999, 3, 100},
         {0.034333333333333334, 0.003604027408659163, 0.3270723676922115, 0.0505,
          0.009136741665613402, 0.2791202918210983, -0.13614479457636602, -0.1936153164493051,
          -0.07774310707658871, 0.002955326825399329, 0.37352674524025387, true}},
        {{6, 4, 1, 200},
         {120.6, 16.005996232608748, 908.6819582256941, 140.7, 23.148687773721466, 855.18843199713,
          0.7059420426194079, 0.6310438758536522, 0.7678003959692031, 1.2669982263795396e-08,
          0.33175355450236965, true}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        struct association got = association_of(&known[i].table);
        const struct association *w = &known[i].wanted;
        near(got.lift, w->lift, "lift");
        near(got.lift_low, w->lift_low, "lift_low");
        near(got.lift_high, w->lift_high, "lift_high");
        near(got.odds_ratio, w->odds_ratio, "odds_ratio");
        near(got.odds_low, w->odds_low, "odds_low");
        near(got.odds_high, w->odds_high, "odds_high");
        near(got.phi, w->phi, "phi");
        near(got.phi_low, w->phi_low, "phi_low");
        near(got.phi_high, w->phi_high, "phi_high");
        near(got.p, w->p, "p");
        near(got.expected, w->expected, "expected");
        assert_int_equal(got.is_exact, w->is_exact);
    }
}

/* p by the exact test alone. */
static void fisher_is_exact(void **state)
{
    static const struct {
        struct association_table table;
        double p;
    } known[] = {
        {{0, 10, 4, 1000}, 1}, /* as expected as can be */
        {{5, 0, 0, 5}, 2.0 / 252},
        {{8, 2, 1, 5}, 0.03496503496503497},
        {{0, 5, 5, 5}, 0.1008991008991009},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        struct association got = association_of(&known[i].table);
        assert_true(got.is_exact);
        near(got.p, known[i].p, "p");
    }
    /* the same table turned over says the same of p, and the opposite of phi */
    struct association one = association_of(&(struct association_table){2, 1, 15, 300});
    struct association other = association_of(&(struct association_table){15, 300, 2, 1});
    assert_true(one.is_exact && other.is_exact);
    near(one.p, other.p, "p");
    near(one.phi, -other.phi, "phi");
    near(one.odds_ratio, 1 / other.odds_ratio, "odds_ratio");
    /* millions of units: weights far below the mode's are nothing, not an endless sum */
    one = association_of(&(struct association_table){1000, 2, 1000, 3000000});
    assert_true(one.is_exact && one.p >= 0 && one.p < 1e-300);
}

static void nothing_to_compare(void **state)
{
    static const struct association_table empty[] = {
        {0, 0, 0, 0}, {0, 0, 3, 4}, {3, 4, 0, 0}, {3, 0, 4, 0}, {0, 3, 0, 4}};

    (void)state;
    for (size_t i = 0; i < COUNT(empty); i++) {
        struct association got = association_of(&empty[i]);
        assert_true(isnan(got.p) && isnan(got.phi) && isnan(got.phi_low));
        assert_false(isnan(got.odds_ratio)); /* smoothed: always there */
    }
    struct association none = association_of(&(struct association_table){4, 6, 0, 10});
    assert_true(isnan(none.lift) && isnan(none.lift_low) && none.phi > 0);
    none = association_of(&(struct association_table){0, 10, 4, 6});
    near(none.lift, 0, "lift");
    assert_true(isnan(none.lift_low));
    struct association whole = association_of(&(struct association_table){5, 0, 0, 5});
    near(whole.phi, 1, "phi");
    near(whole.phi_low, 1, "phi_low");
}

/* The example of the paper: fifteen p, of which four stand at a rate of 0.05. */
static void rates_of_the_paper(void **state)
{
    static const double p[] = {0.3240, NAN,    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278,
                               0.0298, 0.0344, 0.0459, 0.4262, 0.5719, 0.6528, 0.7590, 1.0};
    static const double wanted[] = {0.48600000000000004,
                                    NAN,
                                    0.0015,
                                    0.003,
                                    0.0095,
                                    0.035625,
                                    0.0603,
                                    0.06385714285714286,
                                    0.06385714285714286,
                                    0.0645,
                                    0.0765,
                                    0.5811818181818182,
                                    0.714875,
                                    0.7532307692307694,
                                    0.8132142857142857,
                                    1};
    double q[COUNT(p)];
    size_t stand = 0;

    (void)state;
    assert_int_equal(discovery_rates(p, q, COUNT(p)), 15);
    for (size_t i = 0; i < COUNT(p); i++) {
        near(q[i], wanted[i], "q");
        stand += q[i] <= 0.05;
    }
    assert_int_equal(stand, 4);
    assert_int_equal(discovery_rates(p, q, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_tables),
        cmocka_unit_test(fisher_is_exact),
        cmocka_unit_test(nothing_to_compare),
        cmocka_unit_test(rates_of_the_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
