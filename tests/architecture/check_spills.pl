#!/usr/bin/perl
# check_spills.pl OBJDUMP LIBRARY...: the innermost loops of the hot kernels keep their vectors in registers. A compiler
# that moves accumulators to the stack takes half of the speed, and no other test would see it.
# An innermost loop is a jump backwards with no other inside it; an instruction there that has a vector register and an
# operand on the stack is a spill.
use strict;
use warnings;

my ($objdump, @libraries) = @ARGV;
my $hot = qr/::tile(_short|_whole|_run)?<|::tile\(|add_window<|Tile<[12], (true|false)>::run\(|run_whole<|::run_row<|::run_row\(|multiply_winograd/;
my ($functions, $loops, $spills) = (0, 0, 0);

sub check {
  my ($name, @lines) = @_;
  my @jumps;
  for my $line (@lines) {
    my ($at, $text) = @$line;
    next unless $text =~ /^j[a-z]+\s+([0-9a-f]+)/;
    my $target = hex $1;
    push @jumps, [$target, $at] if $target <= $at && $target >= $lines[0][0];
  }
  ++$functions;
  for my $loop (@jumps) {
    my ($begin, $end) = @$loop;
    next if grep { $_ != $loop && $_->[0] >= $begin && $_->[1] <= $end } @jumps;
    ++$loops;
    for my $line (grep { $_->[0] >= $begin && $_->[0] <= $end } @lines) {
      next unless $line->[1] =~ /%[yz]mm/ && $line->[1] =~ /\(%rsp|-0x[0-9a-f]+\(%rbp\)/;
      print "$name: $line->[1]\n";
      ++$spills;
    }
  }
}

for my $library (@libraries) {
  open my $dump, '-|', $objdump, '-d', '--no-show-raw-insn', '-C', $library or die "[skipped] no $objdump\n";
  my ($name, @lines) = ('');
  while (<$dump>) {
    if (/^[0-9a-f]+ <(.*)>:$/) {
      my $next = $1;
      check($name, @lines) if $name =~ $hot && @lines;
      ($name, @lines) = ($next);
    } elsif (/^\s+([0-9a-f]+):\s+(.*)$/) {
      push @lines, [hex $1, $2];
    }
  }
  check($name, @lines) if $name =~ $hot && @lines;
  close $dump;
}

print "$functions functions, $loops innermost loops, $spills instructions that spill\n";
exit 1 if $loops < 50 || $spills > 0;
