#pragma once
/// \file
/// \brief The part of LibTorch that manifill uses. All of it (torch/torch.h) takes every source that includes
/// it several seconds more: its templates are instantiated again in each, with or without a precompiled
/// header.

#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/types.h>
#include <torch/utils.h>
