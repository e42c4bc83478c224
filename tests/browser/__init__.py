"""The page and the Allure report, in a real browser."""
