// A vector whose copies share one memory until one of them is edited.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace narrow::base {

// Elements that are read often and changed rarely: a copy is the copy of a pointer. Threads may copy and read one
// buffer at the same time; only edit(), assignment and moving need it for themselves. A moved-from buffer is empty.
template <class T>
class SharedBuffer {
 public:
  using value_type = T;
  using const_iterator = const T*;

  SharedBuffer() = default;
  // Implicit, so that a finished vector is handed over by assignment. An lvalue is copied.
  SharedBuffer(std::vector<T> values) : values_(std::make_shared<std::vector<T>>(std::move(values))) {}
  SharedBuffer(std::initializer_list<T> values) : SharedBuffer(std::vector<T>(values)) {}

  // Together they make it a range that converts to std::span<const T>.
  [[nodiscard]] const T* data() const { return values_ ? values_->data() : nullptr; }
  [[nodiscard]] std::size_t size() const { return values_ ? values_->size() : 0; }
  [[nodiscard]] const T* begin() const { return data(); }
  [[nodiscard]] const T* end() const { return data() + size(); }

  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return (*values_)[i]; }
  [[nodiscard]] const T& front() const { return values_->front(); }
  [[nodiscard]] const T& back() const { return values_->back(); }

  // The elements, to be changed; those of other copies stay as they are. The first edit of shared memory copies it.
  // The reference is valid until this buffer is copied, moved or assigned to.
  [[nodiscard]] std::vector<T>& edit() {
    if (!values_) {
      values_ = std::make_shared<std::vector<T>>();
    } else if (values_.use_count() != 1) {
      values_ = std::make_shared<std::vector<T>>(*values_);
    } else {
      // use_count() alone does not order another thread's last reads, before it dropped its copy, before our writes.
      std::atomic_thread_fence(std::memory_order_acquire);
    }
    return *values_;
  }

  // Whether both are copies of each other and neither was edited.
  [[nodiscard]] bool shares_memory_with(const SharedBuffer& other) const { return values_ == other.values_; }

  friend bool operator==(const SharedBuffer& a, const SharedBuffer& b) {
    return a.values_ == b.values_ || std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::shared_ptr<std::vector<T>> values_;  // null: no elements
};

}  // namespace narrow::base
