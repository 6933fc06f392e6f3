"""The course's own data sets: one TFDS builder in a folder each.

`aimodels.data` loads this folder under the name `aimodels_datasets`; it is never installed as
`datasets`, which is the name of another library.
"""
