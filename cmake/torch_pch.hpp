#pragma once
#include "geo_pch.hpp"
#include "manifill/prior/torch.hpp"
