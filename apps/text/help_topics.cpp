#include "apps/text/help_topics.h"

#include <array>

namespace narrow::cli {
namespace {

constexpr std::array kTopics{
    HelpTopic{"pictures", "what images, labels and names of classes can be", true,
              R"(PICTURES is one of these; several may be given one after the other:

  photos/            a folder of images, or with a subfolder for each class,
                     whose names in the order of the alphabet are the classes
  list.tsv           a text file of path<TAB>label lines; the paths begin at it
  cat.jpg            an image: JPEG, PNG, BMP, PNM, WebP, TIFF or GIF
  test_batch.bin     a binary file of CIFAR-10, or MNIST's IDX files

A label is the number of a class, in the order of the scores. Labels are needed
to say how often a network is right. Agreement with another network, calibration
and reports need none.

  --labels FILE      names of the classes, one a line
  --labels imagenet  names that are built in; also cifar10, cifar100, mnist,
                     fashion-mnist

classify, embed and report leave out images that can't be read (exit code 3);
the other commands refuse them.
)"},
    HelpTopic{"preprocessing", "how images become inputs, and how to say so", true,
              R"(A .nrw file holds its preprocessing. A checkpoint has that of its architecture.
An ONNX file says nothing of it: give it, or answers are wrong without an error.

  --preprocess imagenet   a preset; narrow quantize --help-all lists them
  --preprocess FILE.json  of Hugging Face, timm or torchvision, or your own
  --resize 256 --crop 224 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
                          single parts; they replace those of the preset

The numbers are printed, so compare them with those of the training:

  mean and std            of pixels from 0 to 1
  --interpolation         bilinear, bicubic and others
  --channel-order bgr     of networks from Caffe and from OpenCV

narrow quantize warns where the calibration images are unlike those that the
network was trained with.
)"},
    HelpTopic{"calibration", "which images narrow quantize needs, and how many", false,
              R"(narrow quantize runs the float network on images and chooses ranges, bits and
integers by what it sees.

  --calibrate train/       images of the kind that the network shall classify,
                           of all classes; labels are not needed. Not those that
                           you evaluate on
  --calibration-limit 512  so many of them, evenly spread; more is seldom
                           better, fewer than 100 is worse below 8 bits
  --calibrate none         no images, but the statistics of BatchNorm: weaker

Is calibration the problem, or are there too few bits? A report says it:

  narrow report net.nrw --against net.onnx --pictures val/ -o report.html
)"},
    HelpTopic{"bits", "how few bits a network can have, and how to find out", false,
              R"(All tensors and weights have 8 bits unless told otherwise.

  --weights 4 --activations 8  of the layers between the first and the last;
                               some have more where fewer would save little time
  --free-bits off              exactly so many in all of them
  --first-last 8               of those two; float leaves them in float, off
                               treats them as all others
  --layer-weights conv1=6      of one layer; --layer-activations of its output
  --max-drop 2                 as few as possible, so that at most 2 % of the
                               answers change; or --size BYTES, --time MS

To choose, look at several, and at what each layer costs:

  narrow sweep net.onnx --calibrate train/ --evaluate val/ -o s/ --page s.html
  narrow report net.nrw --against net.onnx --pictures val/ -o report.html

Fewer bits make the file smaller. Without VNNI they also make networks
faster; with VNNI only 3x3 layers of 4/4, and networks of 2/2.
)"},
    HelpTopic{"differences", "where to look when answers are not what they were", false,
              R"(From the outside to the inside:

  narrow evaluate net.onnx net.nrw val/
                      how often both agree, and which preprocessing each has
  narrow compare net.onnx net.nrw val/ --layers
                      which layer loses what
  narrow report net.nrw --against net.onnx --pictures val/ -o report.html
                      why, and what to do about it
  narrow trace net.nrw cat.jpg -o t/ --against net.onnx
                      every tensor as a file, and where the difference begins
  narrow classify val/ --model net.nrw --against net.onnx --contact-sheet c.png
                      the images themselves

Wrong with the float network too: narrow help preprocessing. Right at 8 bits and
wrong at fewer: narrow help bits.
)"},
};

}  // namespace

std::span<const HelpTopic> help_topics() { return kTopics; }

}  // namespace narrow::cli
