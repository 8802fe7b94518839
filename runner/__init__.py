"""The runner: carries plans out on warehouses, in lanes that keep dbt warm. dbt lives only here."""
