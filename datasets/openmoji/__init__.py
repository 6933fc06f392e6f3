"""`openmoji`: emoji of the OpenMoji project, with their names in English and Chinese."""
