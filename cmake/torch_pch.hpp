#pragma once
#include "geo_pch.hpp"

#include <torch/torch.h>
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
