"""Reference judges: networks the product does not know, with weights from ../shared/assets."""
