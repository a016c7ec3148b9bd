#if arch(x86_64)
  #if ONLY_AVX2
    extension Kernels {
      /// None: a build for the sanitizers' short tests leaves AVX-512 out, which takes a minute of it.
      static let wide: [any InstructionSet.Type] = []
    }
  #else
    import KernelsAVX512

    extension Kernels {
      /// Those beyond AVX2.
      static let wide: [any InstructionSet.Type] = [KernelsAVX512.Implementation.self]
    }

    extension KernelsAVX512.Implementation: InstructionSet {
      static var name: String { "avx512" }
    }
  #endif
#endif
