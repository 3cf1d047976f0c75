#pragma once
#include "manifill/prior/torch.hpp"
#include "test_pch.hpp"
