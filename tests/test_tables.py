"""`aimodels.data.read_table` and `read_rows`: tables as learners bring them."""

import pytest

from aimodels.data import read_rows, read_table

pytestmark = pytest.mark.rests_on_code

PLAIN = "größe,weight,kind\n1.5,2,old\n0.5,3,new\n"


def write(folder, text, encoding="utf-8"):
    path = folder / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", " , "),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", ";").replace(".", ","),
        PLAIN.replace("\n", "\n\n") + ",,\n , ,\n",
        PLAIN.replace("old", '"old"').replace("kind", '"kind"'),
        ",größe,weight,kind\n0,1.5,2,old\n1,0.5,3,new\n",  # the index of a pandas table
        "größe,weight,kind,\n1.5,2,old,\n0.5,3,new,\n",
    ],
)
def test_tables_of_many_programs_are_the_same(tmp_path, text, encoding):
    path = write(tmp_path, text, encoding)

    for given in (path, str(path)):
        features, labels, columns, classes = read_table(given, "kind")
        assert features.tolist() == [[1.5, 2], [0.5, 3]]
        assert labels.tolist() == [1, 0]
        assert (columns, classes) == (["größe", "weight"], ["new", "old"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.csv has no column 'kind'; its first line is: "),
        ("size,kind\n", "mine.csv has no rows below"),
        ("size,class\n1,A\n", "has no column 'kind'; its first line is: size, class"),
        ("size,size,kind\n1,2,A\n", "has two columns 'size'"),
        ("kind\nA\nB\n", "has no column of measurements beside 'kind'"),
        ("size,kind\n1,A\n1,5,A\n", "line 3: 3 cells, but the first line has 2"),
        ("size,kind\n\n1,A\n2\n", "line 4: 1 cells"),
        ("size,kind\n1,A\n,B\n", "line 3, size: the cell is empty"),
        ("size,kind\n1,A\n2, \n", "line 3, kind: the cell is empty"),
        ("size,kind\n1,A\nred,B\n", "line 3, size: 'red' is not a number; correct it"),
        ("size,kind\n1,A\nnan,B\n", "line 3, size: 'nan' is not a number"),
        ("size,kind\n1,A\n1e999,B\n", "line 3, size: '1e999' is not a number"),
        ("size;hue;kind\n1.5;red, dark;A\n1.5;red;B\n", "'red, dark' is not a number; correct"),
        ("size;kind\n1,5;A\n1.5;B\n", "'1.5' is not a number with a decimal comma, as others"),
        ("size;kind\n1,5;A\n1.000,5;B\n", "'1.000,5' is not a number with a decimal comma"),
        ("size\tkind\n1,500\tA\n2\tB\n", "'1,500' is not a number; correct"),
        ("size,kind\n1,A\n2,A\n", "'kind' is 'A' in all rows; two classes are needed"),
        (
            "size,kind\n1,A\n2,A\n3,B\n",
            "'kind' is 'B' in 1 row(s), and each class needs",
        ),
        ('size,kind\n1,"A\n2,B\n', "check the quotation marks"),
        (b"size,kind\n1,gr\xfcn\n2,rot\n", "line 2, is not in utf-8: save the file as CSV UTF-8"),
        ("size,kind\n1,A\n2,B\n".encode("utf-16-le"), "is not a text in utf-8"),
        (b"PK\x03\x04 and more", "is a workbook, not a CSV file"),
    ],
)
def test_each_fault_of_a_table_is_said_in_one_sentence(tmp_path, text, message):
    with pytest.raises(ValueError, match=r"mine\.csv") as caught:
        read_table(write(tmp_path, text), "kind", rows_per_class=2)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_named_with_what_is_there(tmp_path):
    write(tmp_path, PLAIN)

    with pytest.raises(FileNotFoundError, match=r"holds mine\.csv"):
        read_table(tmp_path / "my.csv", "kind")


def test_an_encoding_can_be_named(tmp_path):
    path = write(tmp_path, "size,kind\n1,grün\n2,rot\n", "cp1252")

    assert read_table(path, "kind", encoding="cp1252")[3] == ["grün", "rot"]
    path = write(tmp_path, "size,kind\n1,绿\n2,红\n", "gb18030")
    assert {*read_table(path, "kind", encoding="gb18030")[3]} == {"绿", "红"}


def test_columns_can_be_left_out(tmp_path):
    path = write(tmp_path, "name,size,kind\nAnn,1,A\n,2,B\n")

    assert read_table(path, "kind", leave_out=["name"])[2] == ["size"]
    with pytest.raises(ValueError, match="no column 'nmae'"):
        read_table(path, "kind", leave_out=["nmae"])


def test_rows_are_texts_by_the_columns_names(tmp_path):
    path = write(tmp_path, 'id;"text";label\n;"a; ""b"",\nc";1\n2;5,0;0\n')

    rows = read_rows(path, ["text", "label"])

    assert [row["text"] for row in rows] == ['a; "b",\nc', "5,0"]
    assert [row["label"] for row in rows] == ["1", "0"]
    with pytest.raises(ValueError, match="line 3, id: the cell is empty"):
        read_rows(path, ["id"])


def test_the_needed_columns_decide_what_separates_the_cells(tmp_path):
    path = write(tmp_path, "length, width, height;kind\n1;A\n2;B\n")

    assert [row["kind"] for row in read_rows(path, ["kind"])] == ["A", "B"]
