#pragma once
#include "geo_pch.hpp"

#include <Eigen/Cholesky>
#include <Eigen/LU>

#include "catch.hpp"
