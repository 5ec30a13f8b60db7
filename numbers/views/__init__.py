"""The pages of our numbers: the stepper, and one small view a button. No view holds a rule."""
