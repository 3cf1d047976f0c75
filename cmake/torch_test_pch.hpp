#pragma once
#include "torch_pch.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>

#include "catch.hpp"
