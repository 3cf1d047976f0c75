#pragma once
#include "geo_pch.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <torch/torch.h>
