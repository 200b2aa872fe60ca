/**
 * An ONNX model of one Gemm node, encoded as Protocol Buffers.
 *
 * Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
 *
 * @module
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** Y = alpha op(A) op(B) + beta C. */
export interface GemmAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
  /** 0 leaves the input C out. */
  readonly beta: number;
}

const FLOAT = 1; // TensorProto.DataType.FLOAT
const OPSET = 13;
const IR_VERSION = 8;

/** Encodes the model with inputs A, B (and C where beta is not 0) and the output Y, any shapes. */
export function encodeGemmModel(attributes: GemmAttributes): Uint8Array {
  const inputs = attributes.beta === 0 ? ["A", "B"] : ["A", "B", "C"];
  return message((model) => {
    model.uint32(tag(1, 0)).int64(IR_VERSION);
    model.uint32(tag(7, 2)).bytes(message((graph) => {
      graph.uint32(tag(1, 2)).bytes(encodeNode(inputs, attributes));
      graph.uint32(tag(2, 2)).string("gemm");
      for (const name of inputs) graph.uint32(tag(11, 2)).bytes(encodeMatrix(name));
      graph.uint32(tag(12, 2)).bytes(encodeMatrix("Y"));
    }));
    model.uint32(tag(8, 2)).bytes(message((opset) => opset.uint32(tag(2, 0)).int64(OPSET)));
  });
}

function encodeNode(inputs: string[], attributes: GemmAttributes): Uint8Array {
  return message((node) => {
    for (const name of inputs) node.uint32(tag(1, 2)).string(name);
    node.uint32(tag(2, 2)).string("Y");
    node.uint32(tag(4, 2)).string("Gemm");
    node.uint32(tag(5, 2)).bytes(encodeFloat("alpha", attributes.alpha));
    node.uint32(tag(5, 2)).bytes(encodeFloat("beta", attributes.beta));
    node.uint32(tag(5, 2)).bytes(encodeInteger("transA", Number(attributes.transposeA)));
    node.uint32(tag(5, 2)).bytes(encodeInteger("transB", Number(attributes.transposeB)));
  });
}

function encodeFloat(name: string, value: number): Uint8Array {
  return message((attribute) => {
    attribute.uint32(tag(1, 2)).string(name);
    attribute.uint32(tag(2, 5)).float(value);
    attribute.uint32(tag(20, 0)).int32(1); // AttributeType.FLOAT
  });
}

function encodeInteger(name: string, value: number): Uint8Array {
  return message((attribute) => {
    attribute.uint32(tag(1, 2)).string(name);
    attribute.uint32(tag(3, 0)).int64(value);
    attribute.uint32(tag(20, 0)).int32(2); // AttributeType.INT
  });
}

/** A ValueInfoProto: a float matrix whose two dimensions are free. */
function encodeMatrix(name: string): Uint8Array {
  const dimension = (symbol: string): Uint8Array =>
    message((dim) => dim.uint32(tag(2, 2)).string(symbol));
  const shape = message((writer) => {
    writer.uint32(tag(1, 2)).bytes(dimension(`${name}_rows`));
    writer.uint32(tag(1, 2)).bytes(dimension(`${name}_columns`));
  });
  const tensor = message((writer) => {
    writer.uint32(tag(1, 0)).int32(FLOAT);
    writer.uint32(tag(2, 2)).bytes(shape);
  });
  return message((info) => {
    info.uint32(tag(1, 2)).string(name);
    info.uint32(tag(2, 2)).bytes(message((type) => type.uint32(tag(1, 2)).bytes(tensor)));
  });
}

function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

/** Field number and wire type: 0 variable-length integer, 2 length-delimited, 5 four bytes. */
function tag(field: number, wireType: 0 | 2 | 5): number {
  return field << 3 | wireType;
}
