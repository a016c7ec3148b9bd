/// What an instruction set computes with. Every file of this folder is compiled once for each: the
/// functions and their results are the same to the bit.
public enum Implementation {}
