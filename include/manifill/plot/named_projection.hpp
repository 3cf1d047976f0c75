#pragma once
/// \file
/// \brief Projections by what people write for them: a short name or a definition for PROJ.

#include <string>
#include <vector>

#include "manifill/domain/domain.hpp"
#include "manifill/plot/projection.hpp"

namespace manifill::plot {

/// \brief The short names, "automatic" first.
std::vector<std::string> projection_names();

/// \brief The projection meant by a text, framed for a domain.
///
/// "automatic" is Projection::suited_to. A short name or the name of one of PROJ's projections may be
/// followed by parameters: "mollweide +lon_0=180", "ortho +lat_0=90". Else it is a PROJ string, WKT, PROJJSON
/// or a code
/// ("EPSG:3995"), as domain::MapProjection::from_text.
/// \throws Error(usage) naming the text, what PROJ says of it and the remedy; also when the projection shows
/// nothing of the domain
Projection named_projection(const std::string& text, const domain::Domain& domain);

}  // namespace manifill::plot
