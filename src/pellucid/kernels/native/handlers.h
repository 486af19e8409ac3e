// What the handlers, the kernels as XLA sees them, have in common.
#pragma once

#include "crew.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

// The name of the instruction set whose bodies are in use.
extern "C" const char* pellucid_instruction_set();

namespace pellucid {

using Numbers = ffi::Span<const int64_t>;
using Buffer = ffi::Buffer<ffi::F32>;
using Result = ffi::ResultBuffer<ffi::F32>;

inline ffi::Error refuse(const char* what) { return ffi::Error::InvalidArgument(what); }

// Tells whether a buffer holds ``width`` numbers for each of ``rows`` rows.
inline bool holds(Buffer& buffer, int64_t rows, int64_t width) {
  return static_cast<int64_t>(buffer.element_count()) == rows * width;
}

}  // namespace pellucid

// Makes the function ``name`` of the library: the thread pool first, then what ``bind`` says, in
// which F is an array of numbers, M a mask and R a result.
#define PELLUCID_HANDLER(name, function, bind) \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, function, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>() bind)
#define F .Arg<pellucid::Buffer>()
#define M .Arg<ffi::Buffer<ffi::PRED>>()
#define R .Ret<pellucid::Buffer>()
