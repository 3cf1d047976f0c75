#pragma once
// Files of other forms than NetCDF as files of variables, private to io: a HEALPix map, a mesh, a PNG image
// or a set of images is laid out as a NetCDF file in memory, so that everything reads it in one way and
// nothing is left behind.

#include <string>
#include <vector>

#include "manifill/io/inspection.hpp"
#include "netcdf.hpp"

namespace manifill::io {

struct ImputedFileOptions;

enum class NativeForm { none, healpix, mesh, image, image_set };

/// What a file is: FITS by its first bytes or the ending .fits, an image by its first bytes or the ending
/// .png, a mesh by its first bytes or the endings .ply, .off, .obj and .stl, a set of images as is_image_set.
NativeForm native_form(const std::string& path);

struct OpenedFields {
  NetcdfHandle file;
  NativeForm form = NativeForm::none;
  std::vector<std::string> notes{};  ///< what a repair did
  bool renumbered = false;           ///< vertices were merged or left out
};

/// Opens a file of any form. \param repair a mesh's triangles and vertices first, where it is one. \throws
/// Error(input) as the readers of the forms
OpenedFields open_fields(const std::string& path, bool repair = false);

/// What only files of a form have, for `inspect`; nothing of a NetCDF file. \throws Error(input)
std::vector<FileFact> native_facts(const std::string& path);

/// Whether the name of an output asks for the form of its input.
bool is_native_output(const std::string& path);

/// The name of each column or property as a variable, in order.
std::vector<std::string> variable_names(const std::vector<std::string>& columns);

/// An imputed variable whose form is to be its input's.
struct NativeOutput {
  std::string input{};     ///< path
  std::string variable{};  ///< name
  NativeForm form = NativeForm::none;
  domain::Domain domain;
  const NetcdfHandle& source;  ///< the input as variables
  const NetcdfHandle& filled;  ///< the imputed file in NetCDF
};

/// Writes an imputed file in its input's form, whole or not at all. \throws Error(usage) where a name is none
/// in that form; Error(io)
void write_native(const NativeOutput& what, const ImputedFileOptions& options);

}  // namespace manifill::io
