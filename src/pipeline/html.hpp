#pragma once
// Pieces of a page that stands by itself: text, tables, embedded pictures.

#include <cstddef>
#include <string>
#include <vector>

namespace manifill::pipeline {

/// Text with what HTML reads as its own written out.
std::string escaped(const std::string& text);

/// RFC 4648, section 4.
std::string base64(const std::string& bytes);

/// A table. Columns without any text are left out. Cells are HTML. \param words columns of words at the left;
/// the others hold numbers
std::string html_table(const std::vector<std::string>& head,
                       const std::vector<std::vector<std::string>>& rows, std::size_t words = 1);

/// A PNG file within the page. \throws Error(io) when it cannot be read
std::string html_figure(const std::string& png, const std::string& caption);

/// A whole page, light or dark as the reader's system is. \param body HTML
std::string html_page(const std::string& title, const std::string& body);

}  // namespace manifill::pipeline
