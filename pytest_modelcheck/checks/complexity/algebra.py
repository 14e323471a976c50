"""What linear algebra costs for `flops_all`: the classic counts (Golub and Van Loan) for a batch of m x n matrices."""

from __future__ import annotations

import math

from torch import Tensor
from typing_extensions import Unpack

from .formulas import Arguments, OneTensor, ThreeTensors, TwoTensors, elements, other


def _matrix(args: OneTensor) -> tuple[int, int, int]:
    *batch, rows, columns = args[0].shape
    return math.prod(batch), max(rows, columns), min(rows, columns)


def _cubic(names: str, squares: float, cubes: float) -> None:
    """`squares` m n^2 + `cubes` n^3, m the longer side."""

    def formula(args: OneTensor, out: object) -> int:
        batch, m, n = _matrix(args)
        return round(batch * (squares * m * n**2 + cubes * n**3))

    other(names)(formula)


_cubic("linalg_cholesky_ex cholesky", 0, 1 / 3)
_cubic("linalg_lu_factor_ex linalg_lu linalg_ldl_factor_ex _linalg_det _linalg_slogdet", 1, -1 / 3)
_cubic("linalg_inv_ex", 0, 2)
_cubic("cholesky_inverse", 0, 2 / 3)
_cubic("linalg_qr", 4, -4 / 3)
_cubic("_linalg_svd", 14, 8)
_cubic("_linalg_eigh", 0, 9)
_cubic("linalg_eig", 0, 25)
_cubic("_linalg_eigvals linalg_eigvals", 0, 10)
_cubic("geqrf", 2, -2 / 3)
_cubic("linalg_householder_product", 2, -2 / 3)
_cubic(
    "linalg_matrix_exp", 0, 10
)  # the five products of a Taylor polynomial of degree 18; the data may ask for more
_cubic("linalg_matrix_sqrth", 0, 11)  # eigenvectors and a product
_cubic("linalg_polar", 16, 10)  # singular vectors and two products


@other("_linalg_solve_ex")
def _solve(args: OneTensor, out: object) -> int:
    """An LU decomposition and two triangular solutions for each right-hand side."""
    batch, n, _ = _matrix(args)
    return round(batch * 2 / 3 * n**3) + 2 * n * elements(out)


@other("linalg_solve_triangular triangular_solve")
def _solve_triangular(args: OneTensor, out: object) -> int:
    return elements(out) * _matrix(args)[1]


@other("linalg_pinv")
def _pseudo_inverse(args: tuple[Tensor, Unpack[Arguments], bool], out: object) -> int:
    """Singular vectors (of a matrix that is said to be Hermitian: eigenvectors), and a product with them."""
    batch, m, n = _matrix(args)
    return batch * (11 * n**3 if args[-1] else 16 * m * n**2 + 8 * n**3)


@other("linalg_lstsq")
def _least_squares(args: TwoTensors, out: object) -> int:
    """By Householder's reflections; for each right-hand side their product, and a triangular solution."""
    batch, m, n = _matrix(args)
    sides = elements(args[1]) // max(1, batch * args[0].shape[-2])
    return round(batch * (2 * m * n**2 - 2 / 3 * n**3 + sides * (4 * m * n - n**2)))


@other("ormqr")
def _reflected(args: ThreeTensors, out: object) -> int:
    """Each reflection meets each vector of the third operand once."""
    rows, reflections = int(args[0].shape[-2]), int(args[1].shape[-1])
    vectors = elements(args[2]) // max(1, rows)
    return vectors * reflections * 2 * (2 * rows - reflections)


@other("_embedding_bag_per_sample_weights_backward")
def _bag_weights(args: ThreeTensors, out: object) -> int:
    """For each index a row times the gradient of its bag, summed."""
    return 2 * elements(args[2]) * int(args[1].shape[-1])


@other("_unsafe_masked_index_put_accumulate")
def _masked_added(args: tuple[Tensor, Tensor, object, Tensor], out: object) -> int:
    return elements(args[3])


@other("cholesky_solve _cholesky_solve_helper linalg_lu_solve linalg_ldl_solve")
def _solve_factored(args: OneTensor, out: object) -> int:
    return 2 * elements(out) * _matrix(args)[1]
