-- What does not parse is an error.
SELEKT 1;
-- expect error: SELEKT
