"""`python -m tests.twins`: break one guard at a time and see that a test fails."""

import sys

from tests.twins.run import main

sys.exit(main())
