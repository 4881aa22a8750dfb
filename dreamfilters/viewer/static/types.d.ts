// The values that the server sends and the values that the page derives from them.

// ---------------------------------------------------------------------------------------------------------------------
// Sent by the server (dreamfilters/viewer/services, worker)

export type WorkerPhase = "starting" | "ready" | "failed" | "restarting";
export type EvidencePhase = "none" | "queued" | "running" | "ready" | "failed";
export type DreamPhase = "queued" | "running" | "done" | "cancelled" | "failed";
export type JobKind = "evaluate" | "audit" | "compare" | "embed" | "technique";
export type VerdictKind = "alive" | "dormant" | "dead" | "saturated" | "always on" | "undecided";

/** GET api/state and the event `state`, in which `images` and `evidence` may be absent. */
export interface ServerState {
  phase: WorkerPhase;
  note: string;
  version: string;
  network: Network | null;
  images?: ImageInfo[];
  evidence?: EvidenceProgress;
  accuracy: Accuracy | null; // on the labeled images; null before their scan and without labels
  form_search: FormSearch;
  jobs: Job[];
  embeddings: { name: string; meaning: string }[]; // the methods that place images on a map
  recipes: string[];
  default_recipe: string;
  class_recipe: string;
  command: string;
  python: string;
}

/** Long work that a page has started, also the event `job`. */
export interface Job {
  id: string;
  number: number; // increases from job to job
  kind: JobKind;
  targets: string[]; // of a comparison; what a technique starts from
  method: string; // of an embedding
  dreams: boolean; // whether an embedding shows dreams
  phase: DreamPhase;
  share: number; // of the work that is done
  note: string; // what is being done, the result or the error
  folder: string; // the run folder
  files: string[]; // the names of its files, the page first
  command: string; // "" where no command does the same
  technique: TechniqueCall | null; // what was sent for a technique
  results: TechniqueResult[];
  snapshot: number; // of the images while a technique runs, increases with each; 0 where there is none
}

/** The body of POST api/techniques/<name>, with the name. */
export interface TechniqueCall {
  name: string;
  image: string; // the id of the image that it starts from, "" for none
  layer: string; // the id of the layer of the unit that it starts from
  unit: number;
  values: Record<string, TechniqueValue>; // of the arguments that differ from the default
}

/** A class or unit is layer:unit; layers and images are ids. */
export type TechniqueValue = string | number | string[];

/** What a technique made; the names are those of files of the run. */
export interface TechniqueResult {
  name: string; // of the image, unit or layer
  text: string; // the result in one line
  strip: string | null; // shows it at a glance; null where the tiles do
  tiles: [string, string][]; // an image and its caption
  frames: string | null; // an animation
  images: string[];
  numbers: string;
}

/** A technique that starts from an image, from a unit, or from nothing but the network. */
export interface TechniqueForm {
  name: string;
  title: string;
  meaning: string;
  subject: "image" | "unit" | "network";
  without: string; // what it starts from where no image is given, "" if it needs one
  command: string; // its name on the command line
  arguments: TechniqueArgument[];
}

export interface TechniqueArgument {
  name: string;
  kind:
    | "class"
    | "target"
    | "layer"
    | "kernels" // a layer whose kernels can be drawn
    | "layer-target"
    | "layers"
    | "maps"
    | "image"
    | "choice"
    | "recipe"
    | "integer"
    | "number";
  title: string;
  meaning: string;
  default: string | number | null; // null for the choice of the technique
  choices: string[];
  lowest: number | null;
  highest: number | null;
  required: boolean;
}

export interface Accuracy {
  value: number; // the share of images that are predicted correctly, averaged over the classes
  right: number; // how many images are predicted correctly
  count: number; // of labeled images
  chance: number;
  poor: boolean; // whether the input form or the order of the classes may be wrong
  text: string; // all of it in one line
  remark: string; // how the labels are read where they are not names of classes
}

/** The search for the input form, also the event `form_search`. */
export interface FormSearch {
  phase: "none" | "idle" | "running" | "done" | "cancelled" | "failed"; // "none" where no search is possible
  share: number; // of the search that is done
  note: string; // what is being tried, or the error
  result: FormRanking | null;
}

export interface FormRanking {
  images: number; // how many labeled images were used
  failures: number; // how many could not be read
  chance: number;
  trials: FormTrial[]; // the best first
  remarks: string[]; // objections to the best
  fits: boolean;
  is_clear: boolean;
  is_present: boolean; // whether the network is shown with the best form and class order
  applied: boolean; // whether it is since the search
  toml: string; // the best form as a file model.toml
  file: string | null; // the name of that file; null where the model is not a file
  exists: boolean; // whether there is a file of that name
  saved: { text: string; complete: boolean } | null; // what to know about the file, and whether it has the whole form
}

export interface FormTrial {
  accuracy: number;
  log_loss: number;
  input: string;
  resize: string;
  classes: string; // the name of the order of the classes
}

export interface Network {
  name: string;
  fingerprint: string;
  parameters: number;
  form: InputForm;
  classes: string[];
  is_classifier: boolean; // whether the output is one number for each of several classes
  layers: Layer[];
  edges: [string, string][];
  /** The id of the layer of classes, the output, whose units are the logits; null where there are no classes. */
  class_layer: string | null;
  /** The name of that layer in the model. */
  class_output: string | null;
  has_mask: boolean; // whether the output is a map of classes
  attributions: AttributionMethod[]; // the quick ones first
  techniques: TechniqueForm[];
}

export interface AttributionMethod {
  name: string;
  meaning: string; // what a value of a heatmap states
  quick: boolean;
  shown: boolean; // without a choice
}

/** GET api/heatmaps/<layer>/<unit>/<image>, or NoExplanation. */
export interface Heatmap {
  reason: null;
  score: number | null; // of the target on the image, less that of the unit that it is compared with
  scale: number | null; // the absolute value of the full color
  signed: boolean; // whether a value says if the pixel raises or lowers the score
  legend: string; // what the colors mean
  remark: string; // what else a reader has to know
  overlay: string; // the address of the image
  command: string;
  python: string;
}

/** GET api/trust/<layer>/<unit>/<image>, or NoExplanation: how far a heatmap can be trusted on its image. */
export interface HeatmapTrust {
  reason: null;
  seconds: number; // that it took
  flags: string[]; // what is wrong with the method
  measures: TrustValue[];
}

export interface TrustValue {
  name: string;
  meaning: string;
  better: "lower" | "higher";
  value: number | null;
  by_chance: number | null; // of the same heatmap at another place
  control: number | null; // of random values
}

/** GET api/logits/<unit>/<image>, or NoExplanation: the units that carry the logit of a class, or its margin. */
export interface LogitUnits {
  reason: null;
  layer: string;
  logit: number; // or the margin
  total: number; // of all units of the layer
  count: number; // of units of the layer
  units: UnitContribution[]; // the most positive first
  python: string;
}

export interface UnitContribution {
  unit: number;
  contribution: number;
  activation: number;
}

/** Why a method does not fit the network or the unit. */
export interface NoExplanation {
  reason: string;
}

export interface InputForm {
  height: number;
  width: number;
  channels: number;
  text: string;
  interval: string; // of the values, such as "[0, 255]"
  source: "given" | "file" | "model" | "known" | "assumed"; // of the range of values
  origin: string; // the source in words
  line: string; // all of it in one line
}

export interface Layer {
  id: string;
  name: string;
  type: string;
  /** Text where a side is unknown. */
  shape: number[] | string;
  units: number;
  activation: string | null;
  kind: "map" | "tokens" | "vector" | "not visual";
  /** "maps": an activation map for each unit; "bars": one number for each unit; "none": nothing to show. */
  display: "maps" | "bars" | "none";
  /** In pixels; null where every unit sees the whole image. */
  receptive_field: { size: [number, number]; stride: [number, number] } | null;
  /** How tokens cover the image, with the size of a patch in pixels; null for other kinds and where it is unknown. */
  grid: { rows: number; columns: number; patch: [number, number] } | null;
  dreamable: boolean;
  /** Whether it is a convolution, whose kernels can be drawn. */
  kernels: boolean;
  /** Whether its values are those of the layer before, perhaps in another shape. */
  forwards: boolean;
  /** Why the layer has no units or cannot be dreamed. */
  reason: string | null;
}

/** The response to POST api/live/<layer>/<unit>, a frame of the webcam. */
export type LiveFrame =
  | { dropped: true } // a newer frame has replaced it
  | {
      dropped: false;
      image: ImageInfo;
      map: UnitMap;
      classes: Prediction[];
      plain_classes: Prediction[] | null; // of the plain network, where units are changed
      heatmap: Heatmap | NoExplanation | null; // null without a method
    };

export interface ImageInfo {
  id: string;
  name: string;
  label: string | null;
  mistake: string | null; // the class that is predicted, where the label is another one
  confidence: number | null; // the probability of the predicted class; null before an evaluation
  /** In pixels; 0 where the image cannot be read. */
  width: number;
  height: number;
  uploaded: boolean;
  /** How often the image was replaced, as the webcam's is. */
  version: number;
}

/** What addresses of an image need; `cropped`: the network is shown its middle instead of all of it stretched. */
export type ImageRef = Pick<ImageInfo, "id"> & Partial<Pick<ImageInfo, "version">> & { cropped?: boolean };

export interface EvidenceProgress {
  phase: EvidencePhase;
  done: number;
  total: number;
  note: string;
}

export interface Dream {
  id: string;
  /** Increases from dream to dream. */
  number: number;
  layer: string;
  unit: number;
  name: string;
  recipe: string;
  seed: number;
  phase: DreamPhase;
  step: number;
  steps: number;
  score: number | null;
  scores: (number | null)[];
  note: string;
  /** What the network predicts for the dream of a class; null for other units and before it is done. */
  prediction: { text: string; is_predicted: boolean } | null;
  /** Where the look of a dream with a learned prior comes from; "" without one and before it is done. */
  appearance: string;
  /** The address of the image, null while there is none. */
  image: string | null;
  /** The run folder in which it was saved. */
  saved_to: string | null;
  /** Whether it is made without a request for it. */
  in_background: boolean;
  command: string;
  python: string;
}

export interface Prediction {
  index: number;
  name: string;
  /** Null for a value of a regression, which is in `logit`. */
  probability: number | null;
  logit: number | null;
  /** The share of the image where it is predicted; null unless the output is a map of classes. */
  share: number | null;
  predicted: boolean;
  color: string | null; // of the class in the mask; null unless the output is a map of classes
}

/** GET api/maps/<layer>/<image>: numbers for each unit, and the size of its map on the sheet. */
export interface LayerMaps {
  layer: string;
  image: string;
  units: number;
  height: number;
  width: number;
  /** The size of the maps before they are reduced for the sheet. */
  full: [number, number];
  display: "maps" | "bars";
  minimum: number[];
  maximum: number[];
  mean: number[];
  zero_fraction: number[];
  /** The values of class and register tokens for each unit; empty where there are none. */
  other_tokens: (number | null)[][];
}

/** GET api/maps/<layer>/<image>/<unit>: one map in full, null where a value is not finite. */
export interface UnitMap {
  height: number;
  width: number;
  values: (number | null)[][];
  /** Row and column of the maximum, and its receptive field. */
  position: [number, number];
  box?: Box;
  /** The values of class and register tokens. */
  other_tokens?: (number | null)[];
}

/** Top, left, bottom, right in fractions of the image. */
export type Box = [number, number, number, number];

export interface Verdict {
  kind: VerdictKind | null;
  sentence: string;
  proved: boolean;
}

export interface UnitVerdict extends Verdict {
  evidence: { activation?: string; before?: [number, number] | null };
}

export interface RankedImage {
  image: string;
  name: string;
  label: string | null;
  mistake: string | null; // as in ImageInfo
  response: number;
  /** Row and column of the maximum, and its receptive field. */
  position: [number, number];
  box: Box;
}

export interface UnitStatistics {
  minimum: number;
  maximum: number;
  mean: number;
  std: number;
  images: number;
  zero_fraction: number;
  silent_images: number;
  nonfinite_images: number;
  class_selectivity: number | null;
  variance_between_classes: number | null;
}

export interface HistogramCounts {
  /** One more than `counts`. */
  edges: number[];
  counts: number[];
}

export interface ClassMean {
  index: number;
  name: string;
  mean: number;
}

/** GET api/units/<layer>/<unit>. */
export interface UnitFacts {
  layer: string;
  unit: number;
  name: string;
  target: string;
  verdict: UnitVerdict | null;
  statistics: UnitStatistics | null;
  strongest: RankedImage[] | null;
  weakest: RankedImage[] | null;
  histogram: HistogramCounts | null;
  classes: ClassMean[] | null;
  dreams: Dream[];
  command: string;
  python: string;
}

export interface Caption {
  name: string;
  figure: string;
  detail: string;
  meaning: string;
  /** Whether the dream fails by this measure. */
  fails: boolean;
}

/** GET api/dreams/<dream>/measures. */
export interface DreamMeasures {
  headline: { figure: string; words: string; flags: string[] };
  measures: Caption[];
}

/** GET api/dreams/<dream>/prior-check: what its learned prior hides. The images are at prior-check.png. */
export interface PriorCheck {
  lines: string[];
}

/** GET api/dreams/sheet/<layer>: the tiles of the sheet of dreams, row by row. */
export interface DreamSheet {
  tile: number;
  columns: number;
  units: number[];
  dreams: string[];
}

/** GET api/evaluation; without an evaluation, why the network cannot be evaluated, null if it can. */
export type EvaluationState = { ready: false; obstacle: string | null } | Evaluation;

export interface Evaluation {
  ready: true;
  text: string; // the result in one line
  count: number; // of labeled images
  share: number; // of them that is predicted correctly
  interval: [number, number]; // the 95 % confidence interval of the share
  table: ConfusionTable;
  classes: ClassResult[];
  pairs: ClassPair[]; // the most confused first
  mistakes: EvaluatedImage[]; // the most confident first
  hits: EvaluatedImage[]; // the least confident first
  calibration: Calibration | null; // null where several classes are predicted for an image
}

export interface ConfusionTable {
  labels: number[]; // the class of each row, and of each column but the last where `has_none`
  counts: number[][];
  levels: number[][]; // of the colors, 0 to 9
  orders: Record<string, number[]>; // name of an order -> the places of the classes
  more: number; // classes that are not shown
  has_none: boolean; // whether the last column is that of images without a predicted class
}

export interface ClassResult {
  number: number;
  images: number;
  right: number;
  predicted: number; // images of any class that are predicted as it
  recall: number | null;
  precision: number | null;
}

export interface ClassPair {
  first: number;
  second: number;
  first_as_second: number;
  second_as_first: number;
}

export interface EvaluatedImage {
  image: string;
  name: string;
  label: number;
  predicted: number; // -1 for no class
  confidence: number | null;
}

/** GET api/evaluation/cells/<label>/<predicted>. */
export interface ConfusionCell {
  count: number;
  images: EvaluatedImage[];
}

export interface Calibration {
  error: number;
  confidence: number;
  accuracy: number;
  chart: ReliabilityChart;
}

export interface Bar {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface ReliabilityChart {
  bars: { accuracy: Bar; gap: Bar; images: Bar; text: string; is_under: boolean }[];
  width: number;
  height: number;
  bottom: number;
  floor: number;
}

/** GET api/evaluation/separations/<first>/<second>. */
export interface ClassSeparation {
  first: number;
  second: number;
  layer: string | null; // its id
  units: number; // of the layer
  images_first: number;
  images_second: number;
  separating: UnitContrast[];
  carrying: UnitContrast[];
  shared: UnitContrast[];
  losses: MarginLoss[];
  remark: string;
  command: string; // the dream of the margin
}

export interface UnitContrast {
  unit: number;
  auc: number;
  sensitivity: number | null;
  mean_first: number;
  mean_second: number;
  margin_first: number | null;
  margin_second: number | null;
}

export interface MarginLoss {
  label: number;
  predicted: number;
  hits: number;
  mistakes: number;
  margin_on_hits: number;
  margin_on_mistakes: number;
  units: { unit: number; on_hits: number; on_mistakes: number }[];
}

/** GET api/embedding. */
export type EmbeddingState = EmbeddingMap | { ready: false; obstacle: string | null };

/** The map of the images; each list has one value for each image. */
export interface EmbeddingMap {
  ready: true;
  text: string; // what is on the map and how far it can be trusted
  meaning: string; // what the method shows
  layer: string;
  method: string;
  names: string[];
  images: (string | null)[]; // the ids
  dreams: number; // the last ones are dreams
  units: ([string, number] | null)[]; // of each dream: the id of the layer, and the unit
  classes: string[]; // each once
  colors: string[]; // of the classes
  numbers: number[]; // the class, -1 for none
  x: number[]; // of `fine` steps, from the left
  y: number[]; // from below
  fine: number;
  rows: number[]; // in a grid without overlap
  columns: number[];
  shape: [number, number]; // of the grid
  neighbors: number[][]; // the nearest images in the features, the nearest first
  sheets: string[]; // the addresses of the thumbnails
  across: number; // thumbnails in a row and in a column of a sheet
  side: number; // of a thumbnail in pixels
}

/** GET api/classes/<number>. */
export interface ClassSummary {
  number: number;
  count: number; // of images that are labeled with the class
  right: number | null; // of them that are predicted as the class; null before the scan
  images: { image: string; name: string; mistake: string | null }[];
  confused: { number: number; predicted_as: number; predicted_from: number }[]; // number -1 for no class
}

/** GET api/classes/<number>/units. */
export type ClassUnits = NoExplanation | (LogitUnits & { images: number; against: number | null });

/** GET api/overview. */
export interface Overview {
  /** The id of a layer -> number of units by verdict. */
  verdicts: Record<string, Partial<Record<VerdictKind, number>>>;
  look: Finding[]; // what to look at, the most important first
}

export interface Finding {
  kind: "form" | "pair" | "layer" | "unit" | "class";
  title: string;
  text: string;
  layer?: string; // its id
  unit?: number;
  only?: string; // a filter of units
  cell?: [number, number]; // a cell of the confusion matrix
}

// ---------------------------------------------------------------------------------------------------------------------
// Derived by the page

export type Limits = [number, number];
/** "boosted": small values are brighter. */
export type Colormap = BaseColormap | `${BaseColormap}-boosted`;
export type BaseColormap = "magma" | "viridis" | "gray";
export type UnitRef = { layer: string; unit: number };
/** A unit whose output is multiplied by a factor: 0 ablates it. The layer is named. */
export type UnitChange = UnitRef & { factor: number };

/** What the link shows. Layers and images are named, so that a link outlives the server's ids. */
export interface View {
  network: string;
  layer: string | null;
  unit: number | null;
  images: string[];
  compare: UnitRef[];
  /** The units that are ablated or boosted. */
  changes: UnitChange[];
  /** "errors": the mistakes of the network; "embedding": the map of the images; "techniques": those of an image or unit. */
  page: "errors" | "embedding" | "techniques" | null;
  /** The name of the technique on its page, "" for the first. */
  technique: string;
  /** The unit whose map and backward pass stay at the right. */
  frozen: UnitRef | null;
  /** Label and predicted class, -1 for none, of a cell of the confusion matrix. */
  cell: [number, number] | null;
  /** Text that the units in the grid match. */
  only: string;
  /** The limits of a fixed scale. */
  low: number;
  high: number;
  show: "both" | "map" | "dream";
  sort: "response" | "number" | "mean" | "zeros" | "verdict";
  scale: "layer" | "unit" | "fixed";
  colors: Colormap;
  size: "s" | "m" | "l";
  /** How images of another shape than the input are shown to the network: all of each, or its middle. */
  fit: "stretch" | "crop";
}

export interface NetworkIndex {
  /** In the network's order, the layer of classes last. */
  layers: Layer[];
  byId: Map<string, Layer>;
  byName: Map<string, Layer>;
  classes: string[];
}

/** The maps of a layer for one image: a byte for each position, (units, height, width). */
export interface MapSheet extends LayerMaps {
  bytes: Uint8Array;
  limits?: Limits;
}

/** One axis of the receptive fields of a layer, in fractions of the image. */
export interface FieldAxis {
  first: number;
  step: number;
  size: number;
  count: number;
}

export interface FieldGeometry {
  rows: FieldAxis;
  columns: FieldAxis;
}

/** The position under the pointer, marked wherever it is shown. */
export interface PointerPosition {
  layer: string;
  unit?: number;
  image?: string;
  row?: number;
  column?: number;
  height?: number;
  width?: number;
  field?: Box | null;
  center?: [number, number] | null;
}

export interface AppState {
  phase: WorkerPhase;
  note: string;
  connection: "opening" | "open" | "lost";
  network: Network | null;
  images: ImageInfo[];
  recipes: string[];
  default_recipe: string;
  class_recipe: string;
  evidence: EvidenceProgress;
  accuracy: Accuracy | null;
  form_search: FormSearch;
  /** By id. */
  jobs: Record<string, Job>;
  embeddings: ServerState["embeddings"];
  /** The chosen method of an embedding, "" for the first. */
  embedMethod: string;
  /** By what is measured, see `trustKey`: how much of it is done. */
  trust: Record<string, { share: number; note: string }>;
  command: string;
  python: string;
  version: string;
  /** By id. */
  dreams: Record<string, Dream>;
  /** The number of dreams that have ended. */
  endedDreams: number;
  /** By the id of a layer: what this number was when its last dream ended, the version of its sheet of dreams. */
  dreamVersions: Record<string, number>;
  /** The id of the dream that was selected last. */
  selectedDream: string | null;
  /** Units to compare. */
  pinned: UnitRef[];
  message: { text: string; bad: boolean } | null;
}

export interface Resource<T> {
  phase: "idle" | "loading" | "ready" | "failed";
  value: T | undefined;
  error: Error | null;
}

/** A view of several properties that most views share. */
export interface ViewProps {
  view: View;
  net: NetworkIndex;
  layer: Layer;
  images: ImageInfo[];
  /** Whether the worker is ready. */
  ready: boolean;
}

export type KeyHandlers = Record<string, (event: KeyboardEvent) => void>;
